#include "smtpd-glue/greysmtpd/jgreylist.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using grey::smtp::Jgreylist;
using grey::smtp::read_jgreylist;

namespace {

Jgreylist read(std::vector<const char*> environment, std::string_view name = "mx.example.org",
               std::string_view client = "192.0.2.1") {
  environment.push_back(nullptr);
  return read_jgreylist(environment.data(), client, name);
}

}  // namespace

TEST_CASE("without jgreylist's variables nobody is refused or exempt") {
  const Jgreylist none =
      read({"PATH=/bin", "GREYIP=@", "nonsense", "XJGREYLIST=x", "JGREYLISTX=y"});
  CHECK_FALSE(none.exempt);
  CHECK(none.refusal.empty());
  CHECK(none.session_seconds == 60);
  CHECK(none.max_recipients == 0);
  CHECK(none.log);
  CHECK(none.ignored.empty());
  CHECK(none.bad.empty());
}

TEST_CASE("a text of JGREYLIST refuses the client for good") {
  const struct {
    const char* entry;
    std::string reply;
  } rows[] = {
      {"JGREYLIST=go away", "553 go away"},
      {"JGREYLIST=%", "553 192.0.2.1"},
      {"JGREYLIST=%: see http://x/?a=%20", "553 192.0.2.1: see http://x/?a=%20"},
      {"JGREYLIST=a=b", "553 a=b"},
      {"JGREYLIST=two\r\nlines \x80", "553 two  lines ?"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.entry);
    const Jgreylist settings = read({row.entry, "JGREYLIST_NOREV=no"}, "");
    CHECK(settings.refusal == row.reply);
    CHECK(settings.refused_by == std::string("JGREYLIST"));
    CHECK_FALSE(settings.exempt);
  }
  const std::string longest = "JGREYLIST=%" + std::string(1000, 'x');
  CHECK(read({longest.c_str()}).refusal == "553 192.0.2.1" + std::string(391, 'x'));
  CHECK(read({"JGREYLIST=%"}, "", "").refusal == "553 (?)");
}

TEST_CASE("an empty JGREYLIST exempts the client") {
  CHECK(read({"JGREYLIST="}).exempt);
  CHECK(read({"JGREYLIST="}).refusal.empty());
}

TEST_CASE("a text of JGREYLIST_NOREV refuses a client without a name") {
  CHECK(read({"JGREYLIST_NOREV=no name for %"}, "").refusal == "553 no name for 192.0.2.1");
  CHECK(read({"JGREYLIST_NOREV=1"}, "").refusal == "553 Your address 192.0.2.1 has no host name");
  CHECK(read({"JGREYLIST_NOREV=1"}, "").refused_by == std::string("JGREYLIST_NOREV"));
  CHECK(read({"JGREYLIST_NOREV=1"}).refusal.empty());
  CHECK(read({"JGREYLIST_NOREV="}, "").refusal.empty());
}

TEST_CASE("jgreylist's numbers count as there, and one that is none is named") {
  CHECK(read({"JGREYLIST_TIMEOUT=4"}).session_seconds == 5);
  CHECK(read({"JGREYLIST_TIMEOUT=120"}).session_seconds == 120);
  CHECK(read({"JGREYLIST_TIMEOUT=301"}).session_seconds == 300);
  CHECK(read({"JGREYLIST_LIMIT=7"}).max_recipients == 7);
  CHECK_FALSE(read({"JGREYLIST_LOG=0"}).log);
  CHECK(read({"JGREYLIST_LOG=2"}).log);
  const Jgreylist bad = read({"JGREYLIST_TIMEOUT=1m", "JGREYLIST_LIMIT=-1", "JGREYLIST_LOG=no"});
  CHECK(bad.bad == "JGREYLIST_TIMEOUT, JGREYLIST_LIMIT, JGREYLIST_LOG");
  CHECK(bad.session_seconds == 60);
  CHECK(bad.max_recipients == 0);
  CHECK(bad.log);
  CHECK(read({"JGREYLIST_TIMEOUT=99999999999999999999"}).bad == "JGREYLIST_TIMEOUT");
  CHECK(read({"JGREYLIST_TIMEOUT="}).bad.empty());
}

TEST_CASE("what means nothing here is named, whatever it is") {
  CHECK(read({"JGREYLIST_DIR=/var/qmail/jgreylist", "JGREYLIST_BY_IP=1", "JGREYLIST_HOLDTIME=300",
              "JGREYLIST_LOG_PID=0", "JGREYLIST_LOG_SMTP=1", "JGREYLIST_FOO=x", "JGREYLIST_BAR="})
            .ignored ==
        "JGREYLIST_DIR, JGREYLIST_BY_IP, JGREYLIST_HOLDTIME, JGREYLIST_LOG_PID, "
        "JGREYLIST_LOG_SMTP, JGREYLIST_FOO");
}

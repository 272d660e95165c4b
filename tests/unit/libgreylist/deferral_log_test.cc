// The line in a front's log about a message that must wait.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "greyd/base/text.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/stderr_is_the_client.h"

using namespace std::string_literals;

namespace {

struct Deferred {
  std::string client = "192.0.2.1", name = "", sender = "a@x.org", recipients = "Tb@y.net\0"s;
  greylist_result result{GREYLIST_DEFER, GREYLIST_ANSWERED, 1, 0, 0};
  std::string line(std::size_t size = GREYLIST_LINE_MAX) const {
    const greylist_query query{client.c_str(), name.c_str(), sender.c_str(), recipients.data(),
                               recipients.size()};
    std::string buffer(size, '#');
    const std::size_t length = greylist_describe_deferral(&query, &result, buffer.data(), size);
    REQUIRE(length < size);
    REQUIRE(buffer[length] == '\0');
    return buffer.substr(0, length);
  }
};

}  // namespace

TEST_CASE("a deferral's line has the daemon's decision, in the fields that its own log has") {
  CHECK(Deferred{}.line() ==
        "verdict=defer reason=new client=192.0.2.1 sender=a@x.org recipients=b@y.net");
  Deferred full{.name = "mx.x.org", .sender = "", .recipients = "Tb@y.net\0Tc@y.net\0"s};
  full.result.retry_after = 300;
  full.result.reason = 2;
  CHECK(full.line() ==
        "verdict=defer reason=early client=192.0.2.1 name=mx.x.org sender=<> "
        "recipients=b@y.net,c@y.net wait=300");
  const char* const reasons[] = {"unknown", "new",         "early",  "stale",
                                 "error",   "blacklisted", "unknown"};
  CHECK(Deferred{.client = "::FFFF:192.0.2.1"}.line().find(" client=192.0.2.1 ") !=
        std::string::npos);
  for (unsigned char reason = 0; reason < 7; ++reason) {
    Deferred deferred;
    deferred.result.reason = reason;
    CHECK(deferred.line().find(" reason="s + reasons[reason] + " client=") != std::string::npos);
  }
}

TEST_CASE("what is accepted, or was not answered, has no such line") {
  for (const greylist_result& result :
       {greylist_result{GREYLIST_ACCEPT, GREYLIST_ANSWERED, 3, 0, 0},
        greylist_result{GREYLIST_DEFER, GREYLIST_SILENT, 0, 0, 0},
        greylist_result{GREYLIST_ACCEPT, GREYLIST_OFF, 0, 0, 0}})
    CHECK(Deferred{.result = result}.line() == "");
}

TEST_CASE("nothing in an envelope can forge a field or a line, nor make one long") {
  const Deferred forged{.sender = "x verdict=accept\n\x80", .recipients = "Ta,b%20<\0"s};
  CHECK(forged.line() ==
        "verdict=defer reason=new client=192.0.2.1 sender=x%20verdict=accept%0A%80 "
        "recipients=a%2Cb%2520%3C");
  Deferred many{.client = std::string(5000, '\x01'),
                .name = std::string(5000, '\x02'),
                .sender = std::string(60'000, '\x03')};
  many.recipients.clear();
  for (int i = 0; i < 2000; ++i) many.recipients += "T" + std::string(500, '\x04') + '\0';
  const std::string line = many.line(8000);
  CHECK(line.size() < 4500);
  CHECK(line.ends_with("...,+1992"));
  for (std::size_t size = 1; size < 300; ++size) CHECK(many.line(size) == line.substr(0, size - 1));
  CHECK(Deferred{.recipients = ""}.line().ends_with(" recipients="));
  CHECK(Deferred{.recipients = "T"}.line().ends_with(" recipients=<>"));
}

TEST_CASE("a front's line and the daemon's have the same words") {
  for (const std::string& address :
       {"a@x.org"s, ""s, "\xc3\xa4 b,%<>@x\x7f~!"s, std::string(128, 'x'), std::string(129, 'x')}) {
    std::string word;
    grey::append_word(word, address.substr(0, 128));
    if (address.size() > 128) word += "...";
    CHECK(Deferred{.sender = address}.line().find(" sender=" + word + " rec") != std::string::npos);
    CHECK(Deferred{.recipients = "T" + address + '\0'}.line().ends_with(" recipients=" + word));
  }
}

TEST_CASE("no line goes to a network connection") {
  CHECK(!grey::stderr_is_the_client());
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  const int before = dup(STDERR_FILENO);
  dup2(connection, STDERR_FILENO);
  const bool is = grey::stderr_is_the_client();
  dup2(before, STDERR_FILENO);
  close(connection);
  close(before);
  CHECK(is);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/verbs/judge_changes.h"

using namespace grey::svctool;
using Type = Change::Type;

namespace {

std::vector<std::string> texts(const Findings& findings, Severity severity) {
  std::vector<std::string> result;
  for (const Finding& finding : findings.list) {
    if (finding.severity == severity) result.push_back(finding.text);
  }
  return result;
}

// A service and what a comparison would have found.
struct Installed {
  ServiceRequest request;
  Plan plan;
  Comparison comparison;

  Installed() {
    request.port = 1999;
    request.prefix = "/usr";
    plan = plan_service(request);
  }
  const Entry& entry(const std::string& name) const {
    const auto found = std::ranges::find(plan.entries, plan.service + "/" + name, &Entry::path);
    REQUIRE(found != plan.entries.end());
    return *found;
  }
  void differs(const std::string& name, Type type, std::string old_content = "",
               std::string detail = "") {
    const Entry& changed = entry(name);
    comparison.changes.push_back(
        {type, &changed, changed.path.said(), std::move(old_content), std::move(detail)});
  }
  Findings judged(Basis basis = Basis::installed) const {
    Findings findings;
    findings.subject = plan.service.said();
    judge_changes(comparison, basis, findings);
    return findings;
  }
};

}  // namespace

TEST_CASE("what an operator may edit is a note, all else a fault") {
  const struct {
    const char* name;
    Type type;
    const char *old_content, *detail, *note, *fault;
  } rows[] = {
      {"run", Type::content, "x", "", "", "run: another content"},
      {"run", Type::create, "", "", "", "run: missing"},
      {"run", Type::attributes, "", "mode 0644 -> 0755", "", "run: mode 0644 -> 0755"},
      {"run", Type::in_the_way, "", "it is not a regular file", "", "run is in the way: it is not"},
      {".options", Type::content, "x", "", "", ".options: another content"},
      {"variables/MIN_RESEND_MIN", Type::content, "7\nrest\n", "",
       "MIN_RESEND_MIN: set by hand to '7', installed as '1'", ""},
      {"variables/MIN_RESEND_MIN", Type::content, "", "", "set by hand to ''", ""},
      {"variables/MIN_RESEND_MIN", Type::create, "", "", "missing, so the daemon's default", ""},
      {"variables/MIN_RESEND_MIN", Type::content, "soon\n", "", "",
       "MIN_RESEND_MIN: 'soon' is not a number of minutes from 0"},
      {"variables/IPV4_PREFIX", Type::content, "33\n", "", "", "IPV4_PREFIX: '33' is not"},
      {"variables/ALLOW", Type::content, "192.0.2.0/33\n", "", "", "ALLOW: '192.0.2.0/33' is not"},
      {"variables/MAX_RECORDS", Type::create, "", "", "", ""},  // not set either way
      {"variables/LISTEN", Type::content, "192.0.2.1@1999 \t\n", "",
       "set by hand to '192.0.2.1@1999'", ""},
      {"variables/LISTEN", Type::content, "\n192.0.2.1@1999\n", "", "", "LISTEN: empty"},
      {"variables/LISTEN", Type::create, "", "", "", "LISTEN: missing"},
      {"variables/TIMEOUT_DAYS", Type::content, "8\n", "mode 0600 -> 0644", "set by hand to '8'",
       "TIMEOUT_DAYS: mode 0600 -> 0644"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.old_content);
    Installed installed;
    installed.differs(row.name, row.type, row.old_content, row.detail);
    const Findings findings = installed.judged();
    const std::string note = row.note, fault = row.fault;
    const auto notes = texts(findings, Severity::note), faults = texts(findings, Severity::wrong);
    REQUIRE(notes.size() == (note.empty() ? 0 : 1));
    REQUIRE(faults.size() == (fault.empty() ? 0 : 1));
    if (!note.empty()) CHECK(notes[0].find(note) != std::string::npos);
    if (!fault.empty()) CHECK(faults[0].find(fault) != std::string::npos);
    CHECK(findings.good() == fault.empty());
  }
}

TEST_CASE("a note tells what was installed from what other options would set") {
  Installed installed;
  installed.differs("variables/MIN_RESEND_MIN", Type::content, "7\n");
  CHECK(installed.judged(Basis::installed)
            .list[0]
            .text.ends_with("MIN_RESEND_MIN: set by hand to '7', installed as '1'"));
  CHECK(installed.judged(Basis::options)
            .list[0]
            .text.ends_with("MIN_RESEND_MIN: '7', these options would set '1'"));
}

TEST_CASE("the value in force is the operator's") {
  Installed installed;
  const auto listen = [&] {
    return value_in_force(installed.plan, installed.comparison, "LISTEN");
  };
  CHECK(listen() == "127.0.0.1@1999");
  installed.differs("variables/LISTEN", Type::content, "*@2000\n");
  CHECK(listen() == "*@2000");
  installed.comparison.changes[0].type = Type::create;
  CHECK(listen() == "");
  CHECK(value_in_force(installed.plan, installed.comparison, "MAX_RECORDS") == "");
}

TEST_CASE("a memory limit that the records have outgrown is named") {
  ServiceRequest request;
  const std::string memory = memory_limit(request);
  const auto judged = [&](const std::string& limit, const std::string& records) {
    Findings findings;
    judge_memory(request, limit, records, findings);
    return findings;
  };
  CHECK(judged(memory, "").list.empty());
  CHECK(judged(memory, "100000").list.empty());
  CHECK(judged("", "100000000").list.empty());
  REQUIRE(judged(memory, "3000000").list.size() == 1);
  CHECK_FALSE(judged(memory, "3000000").good());
  CHECK(judged(memory, "3000000").list[0].text.find("3000000 records, which need 547108864") !=
        std::string::npos);
  request.memory = memory;  // given: meant
  CHECK(judged(memory, "3000000").good());
  CHECK(judged(memory, "3000000").list.size() == 1);
}

TEST_CASE("findings as text and as JSON say the same, and nothing that was found breaks a line") {
  Findings findings;
  findings.subject = "/service/x\ny";
  CHECK(to_text(findings) == "/service/x\\ny: good\n");
  findings.wrong("port-taken", "taken by process 7 (a\n\x1b[2Jwrong: b\xff)", "end it", "@1999");
  findings.note("answers", "daemon at 127.0.0.1@1999: answers (new)");
  findings.warn("set-aside", "a file", "look at it");
  findings.unseen("log-unseen", "its log");
  CHECK(to_text(findings) ==
        "note: daemon at 127.0.0.1@1999: answers (new)\n"
        "unseen: its log; to do: run svctool as root\n"
        "warning: a file; to do: look at it\n"
        "wrong: taken by process 7 (a\\n\\x1b[2Jwrong: b\\xff); to do: end it\n"
        "/service/x\\ny: not as it should be\n");
  const auto json = nlohmann::json::parse(to_json(findings));
  CHECK(json["service"] == "/service/x\\ny");
  CHECK(json["status"] == "wrong");
  REQUIRE(json["findings"].size() == 4);
  const auto& first = json["findings"][0];
  CHECK(first["id"] == "port-taken");
  CHECK(first["severity"] == "wrong");
  CHECK(first["text"] == "taken by process 7 (a\\n\\x1b[2Jwrong: b\\xff)");
  CHECK(first["todo"] == "end it");
  CHECK(first["path"] == "@1999");
}

TEST_CASE("the worst finding is the verdict, and what could not be looked at is not good") {
  Findings findings;
  findings.subject = "/service/x";
  CHECK(findings.status() == Status::good);
  findings.note("saved", "saved 5 seconds ago");
  CHECK(findings.status() == Status::good);
  CHECK(to_text(findings).ends_with("/service/x: good\n"));
  findings.warn("set-aside", "a file");
  CHECK(findings.status() == Status::warning);
  CHECK(findings.good());  // it works
  CHECK(to_text(findings).ends_with("/service/x: good, with 1 warning\n"));
  findings.warn("set-aside", "a file");  // the same is one
  CHECK(to_text(findings).ends_with("/service/x: good, with 1 warning\n"));
  findings.warn("set-aside", "another");
  CHECK(to_text(findings).ends_with("/service/x: good, with 2 warnings\n"));
  findings.unseen("start-unseen", "its start");
  CHECK(findings.status() == Status::unknown);
  CHECK_FALSE(findings.good());
  CHECK(to_text(findings).ends_with(
      "/service/x: nothing is seen to be wrong, but not all could be looked at\n"));
  findings.wrong("down", "down");
  CHECK(findings.status() == Status::wrong);
}

TEST_CASE("of several services the worst is the status of all") {
  Findings search, good, warned;
  search.subject = "services";
  good.subject = "/service/a";
  warned.subject = "/service/b";
  warned.warn("set-aside", "a file");
  const auto json = nlohmann::json::parse(to_json(search, {good, warned}));
  CHECK(json["service"] == "services");
  CHECK(json["status"] == "warning");
  REQUIRE(json["services"].size() == 2);
  CHECK(json["services"][0]["status"] == "good");
  CHECK(json["services"][1]["findings"][0]["id"] == "set-aside");
  search.wrong("none-found", "none");
  CHECK(nlohmann::json::parse(to_json(search, {}))["status"] == "wrong");
}

TEST_CASE("a line shows letters of any script, and no octet that could control a terminal") {
  const struct {
    const char *text, *shown;
  } rows[] = {{"/srv/gr\xc3\xbc\xc3\x9f", "/srv/gr\xc3\xbc\xc3\x9f"},
              {"\xe2\x82\xac \xf0\x9f\x93\xac", "\xe2\x82\xac \xf0\x9f\x93\xac"},
              {"\xc2\x9b"
               "2J",
               "\\xc2\\x9b2J"},  // CSI as one character
              {"\x9b", "\\x9b"},
              {"\xc0\xaf", "\\xc0\\xaf"},
              {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
              {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
              {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
              {"a\xe2\x82", "a\\xe2\\x82"},
              {"a\tb\x7f", "a\\x09b\\x7f"}};
  for (const auto& row : rows) CHECK(one_line(row.text) == row.shown);
}

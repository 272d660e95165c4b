#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "svctool/findings.h"
#include "svctool/service_dir.h"

using namespace grey::svctool;
using Type = Change::Type;

namespace {

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
        {type, &changed, changed.path, std::move(old_content), std::move(detail)});
  }
  Findings judged(Basis basis = Basis::installed) const {
    Findings findings;
    findings.subject = plan.service;
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
       "MIN_RESEND_MIN: set by hand to '7', installed as '5'", ""},
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
    REQUIRE(findings.notes.size() == (note.empty() ? 0 : 1));
    REQUIRE(findings.differs.size() == (fault.empty() ? 0 : 1));
    if (!note.empty()) CHECK(findings.notes[0].find(note) != std::string::npos);
    if (!fault.empty()) CHECK(findings.differs[0].find(fault) != std::string::npos);
    CHECK(findings.good() == fault.empty());
  }
}

TEST_CASE("a note tells what was installed from what other options would set") {
  Installed installed;
  installed.differs("variables/MIN_RESEND_MIN", Type::content, "7\n");
  CHECK(installed.judged(Basis::installed)
            .notes[0]
            .ends_with("MIN_RESEND_MIN: set by hand to '7', installed as '5'"));
  CHECK(installed.judged(Basis::options)
            .notes[0]
            .ends_with("MIN_RESEND_MIN: '7', these options would set '5'"));
}

TEST_CASE("a daemon is good when it is the service's own that answers") {
  using grey::wire::Reason;
  const Probe answered{{}, true, "answers (new)", Reason::new_triplet};
  const Probe refused{{}, false, "Connection refused", {}};
  const Probe accepted{{}, true, "answers (known)", Reason::known};
  const ServiceState up{true, true, 7}, put_down{false, false, 0}, ended{false, true, 0};
  const struct {
    Observation seen;
    bool dry_run;
    const char *fault, *outcome;
    bool good;
  } rows[] = {
      {{answered, up, false, true, ""}, false, "", "answers (new)", true},
      {{answered, {}, false, {}, ""}, false, "", "answers (new)", true},  // not root
      {{refused, {}, false, {}, ""}, false, "", "Connection refused", false},
      {{refused, put_down, false, false, ""},
       false,
       "down, and stays so until it is started: START",
       "Connection refused",
       false},
      {{answered, put_down, false, false, "process 9 (x)"},
       false,
       "down, and stays so",
       "answered by another program, process 9 (x)",
       false},
      {{refused, ended, false, false, ""}, false, "again and again; why: LOG", "refused", false},
      {{answered, up, true, false, ""},
       false,
       "again and again; why: LOG",
       "answered by another program",
       false},
      {{refused, up, false, false, ""},
       false,
       "(process 7) does not listen on 127.0.0.1@1999",
       "refused",
       false},
      {{{{}, false, "no answer", {}}, up, false, true, ""},
       false,
       "(process 7) is up; it has said: LOG",
       "no answer",
       false},
      {{accepted, up, false, true, ""}, true, "", "in a dry run", true},
      {{answered, up, false, true, ""}, true, "", "answers (new)", true},  // set, not yet in force
      {{accepted, up, false, true, ""}, false, "", "answers (known)", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.fault);
    CAPTURE(row.outcome);
    Findings findings;
    judge_daemon(row.seen, {"/service/x", "LOG", "START"}, row.dry_run, findings);
    CHECK(findings.good() == row.good);
    const std::string fault = row.fault;
    REQUIRE(findings.differs.size() == (fault.empty() ? 0 : 1));
    if (!fault.empty()) CHECK(findings.differs[0].find(fault) != std::string::npos);
    REQUIRE(findings.daemons.size() == 1);
    CHECK(findings.daemons[0].outcome.find(row.outcome) != std::string::npos);
  }
  CHECK(is_dry_run("1"));
  CHECK_FALSE(is_dry_run("off"));
  CHECK_FALSE(is_dry_run(""));
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
  CHECK(judged(memory, "").differs.empty());
  CHECK(judged(memory, "100000").differs.empty());
  CHECK(judged("", "100000000").differs.empty());
  REQUIRE(judged(memory, "3000000").differs.size() == 1);
  CHECK(judged(memory, "3000000").differs[0].find("3000000 records, which need 547108864") !=
        std::string::npos);
  request.memory = memory;  // given: meant
  CHECK(judged(memory, "3000000").differs.empty());
  CHECK(judged(memory, "3000000").notes.size() == 1);
}

TEST_CASE("findings as text and as JSON say the same") {
  Findings findings;
  findings.subject = "/service/x\ny";
  CHECK(to_text(findings) == "/service/x\\ny: good\n");
  findings.notes = {"a note"};
  findings.daemons = {
      {*grey::parse_endpoint("@", grey::Wildcards::refused), true, "answers (new)"}};
  CHECK(findings.good());
  findings.daemons.push_back(
      {*grey::parse_endpoint("[::1]@2000", grey::Wildcards::refused), false, "Connection refused"});
  findings.differs = {"a fault \xff"};
  CHECK(to_text(findings) ==
        "note: a note\nwrong: a fault \xff\nnote: daemon at 127.0.0.1@1999: answers (new)\n"
        "wrong: daemon at ::1@2000: Connection refused\n/service/x\\ny: not as it should be\n");
  const auto json = nlohmann::json::parse(to_json(findings));
  CHECK(json["subject"] == "/service/x\ny");
  CHECK(json["good"] == false);
  CHECK(json["wrong"][0] == "a fault \xef\xbf\xbd");
  CHECK(json["notes"][0] == "a note");
  CHECK(json["daemons"][1]["address"] == "::1@2000");
  CHECK(json["daemons"][1]["answered"] == false);
}

TEST_CASE("a log service that does not run, or not for long, is a fault") {
  const auto judged = [](const LogObservation& seen) {
    Findings findings;
    judge_log(seen, "/s/log", "svc -u /s/log", findings);
    return findings.differs.empty() ? "" : findings.differs[0];
  };
  CHECK(judged({std::nullopt, false, ""}).empty());  // nobody to ask
  CHECK(judged({ServiceState{true, true, 1}, true, ""}).empty());
  CHECK(judged({ServiceState{true, true, 1, true}, true, ""}) ==
        "/s/log: what writes the log (process 1) is paused");
  CHECK(judged({ServiceState{true, true, 1}, true, "qmaill"}).find("still runs as user qmaill") !=
        std::string::npos);
  CHECK(judged({ServiceState{false, false, 0}, false, ""}) ==
        "/s/log: what writes the log is down, and stays so until it is started: svc -u /s/log");
  for (const bool up : {true, false}) {
    CHECK(judged({ServiceState{up, true, 1}, false, ""})
              .find("ends and is started again and again") != std::string::npos);
  }
}

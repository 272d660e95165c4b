// What a check makes of what was seen, without a machine: one table for each thing that it judges.
#include <doctest/doctest.h>

#include <algorithm>

#include "greyd/base/log_format.h"
#include "svctool/daemon/judge_daemon.h"
#include "svctool/daemon/judge_log.h"
#include "svctool/daemon/judge_running.h"
#include "svctool/daemon/judge_state.h"
#include "svctool/plan/settings.h"

using namespace grey::svctool;
using grey::LogFormat;
using grey::Note;
using grey::Priority;
using grey::wire::Reason;

namespace {

// "SEVERITY ID: TEXT; to do: TODO", each.
std::vector<std::string> lines_of(const Findings& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings.list) {
    lines.push_back(std::string(to_string(finding.severity)) + " " + finding.id + ": " +
                    to_text(finding));
  }
  return lines;
}

bool says(const Findings& findings, const std::string& part) {
  return std::ranges::any_of(lines_of(findings), [&](const std::string& line) {
    return line.find(part) != std::string::npos;
  });
}

std::vector<std::string> ids_of(const Findings& findings) {
  std::vector<std::string> ids;
  for (const Finding& finding : findings.list) ids.push_back(finding.id);
  return ids;
}
using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a daemon is good when it is the service's own that answers") {
  const Probe answered{{}, true, "answers (new)", Reason::new_triplet};
  const Probe refused{{}, false, "Connection refused", {}};
  const Probe silent{{}, false, "no answer", {}};
  const Probe accepted{{}, true, "answers (known)", Reason::known};
  const ServiceState up{true, true, 7}, put_down{false, false, 0}, ended{false, true, 0};
  const ServiceState paused{true, true, 7, true};
  const struct {
    Observation seen;
    bool dry_run;
    Ids ids;
    const char* line;
  } rows[] = {
      {{answered, up, false, true, ""}, false, {"answers"}, "answers (new)"},
      {{answered, {}, false, {}, ""}, false, {"answers"}, "answers (new)"},  // not root
      {{refused, {}, false, {}, ""}, false, {"no-answer"}, "Connection refused; to do: see what"},
      {{refused, put_down, false, false, ""},
       false,
       {"down", "no-answer"},
       "down, and stays so until it is started; to do: START"},
      {{answered, put_down, false, false, "process 9 (x)"},
       false,
       {"port-taken", "down", "no-answer"},
       "UDP port 127.0.0.1@1999 is taken by process 9 (x); to do: end that one, or set another"},
      {{refused, ended, false, false, ""},
       false,
       {"restarts", "no-answer"},
       "ends and is started again and again, saying 'fatal: REASON'; to do: mend what it says in "
       "LOG"},
      {{silent, up, true, false, "process 9 (x)"},
       false,
       {"port-taken", "restarts", "no-answer"},
       "taken by process 9 (x)"},
      {{refused, up, false, false, ""},
       false,
       {"not-listening", "no-answer"},
       "(process 7) does not listen on 127.0.0.1@1999; to do: svctool --restart "
       "--service=/service"},
      {{silent, up, false, true, ""},
       false,
       {"silent", "no-answer"},
       "(process 7) is up, and does"},
      {{silent, paused, false, true, ""}, false, {"paused", "no-answer"}, "to do: kill -CONT 7"},
      {{accepted, up, false, true, ""}, true, {"dry-run"}, "in a dry run"},
      {{answered, up, false, true, ""}, true, {"answers"}, "answers (new)"},  // not yet in force
      {{accepted, up, false, true, ""}, false, {"answers"}, "answers (known)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    Findings findings;
    judge_daemon(row.seen, {"/service/x", "LOG", "START", "fatal: REASON"}, {row.dry_run},
                 findings);
    CHECK(ids_of(findings) == row.ids);
    CHECK(says(findings, row.line));
  }
  CHECK(is_dry_run("1"));
  CHECK_FALSE(is_dry_run("off"));
  CHECK_FALSE(is_dry_run(""));
}

TEST_CASE("a daemon that accepts everyone is suspect, but where rules may say so") {
  const Observation seen{{{}, true, "answers (whitelisted)", Reason::whitelisted},
                         ServiceState{true, true, 7},
                         false,
                         true,
                         ""};
  const Places places{"/service/x", "LOG", "START", ""};
  Findings without, with;
  judge_daemon(seen, places, {}, without);
  judge_daemon(seen, places, {.rules = true}, with);
  CHECK(ids_of(without) == Ids{"all-whitelisted"});
  CHECK(without.list.front().severity == Severity::warning);
  CHECK(ids_of(with) == Ids{"answers"});
  CHECK(with.list.front().severity == Severity::note);
  CHECK(says(with, "a rule may be off for all"));
}

TEST_CASE("a service that has never run, a new one, and one that runs no more are told apart") {
  const auto judged = [](Supervision seen) {
    seen.service = "/s";
    seen.scanner = "svscan";
    return judge_supervision(seen);
  };
  Supervision seen;
  seen.supervised = true;
  CHECK_FALSE(judged(seen));
  seen = {};
  seen.hidden = true;
  CHECK(judged(seen)->id == "supervision-unseen");
  CHECK(judged(seen)->severity == Severity::unseen);
  seen = {};
  CHECK(judged(seen)->id == "never-run");
  CHECK(judged(seen)->text.find("none ever has: no svscan watches it") != std::string::npos);
  seen.has_run = true;
  CHECK(judged(seen)->id == "not-supervised");
  seen = {};
  seen.watched = "/etc/service";
  seen.age = 3;
  CHECK(judged(seen)->id == "new");
  CHECK(judged(seen)->text ==
        "/s: new in /etc/service: no supervise runs here yet, as svscan looks "
        "every five seconds");
  seen.age = 3600;
  CHECK(judged(seen)->id == "not-started");
  seen.has_run = true;
  CHECK(judged(seen)->id == "not-supervised");
  seen = {};
  seen.watched = "/run/service";
  seen.rescan = "s6-svscanctl -a";
  CHECK(judged(seen)->todo == "s6-svscanctl -a /run/service");
}

TEST_CASE("a log service that does not run, or not for long, is a fault") {
  const auto judged = [](const LogObservation& seen) {
    Findings findings;
    judge_log(seen, "/s/log", "svc -u /s/log", findings);
    return findings.list.empty() ? "" : lines_of(findings)[0];
  };
  CHECK(judged({std::nullopt, false, ""}).empty());  // nobody to ask
  CHECK(judged({ServiceState{true, true, 1}, true, ""}).empty());
  CHECK(judged({ServiceState{true, true, 1, true}, true, ""}) ==
        "wrong log-paused: /s/log: what writes the log (process 1) is paused; to do: kill -CONT 1");
  CHECK(judged({ServiceState{true, true, 1}, true, "qmaill"}).find("still runs as user qmaill") !=
        std::string::npos);
  CHECK(judged({ServiceState{false, false, 0}, false, ""}) ==
        "wrong log-down: /s/log: what writes the log is down, and stays so until it is started; to "
        "do: svc -u /s/log");
  for (const bool up : {true, false}) {
    CHECK(judged({ServiceState{up, true, 1}, false, ""})
              .find("ends and is started again and again") != std::string::npos);
  }
}

TEST_CASE("where the log goes: no file, no room, or nobody who reads") {
  const auto judged = [](const LogPlace& place, bool stopped) {
    Findings findings;
    judge_log_place(place, stopped, findings);
    return findings;
  };
  const Room room{1 << 30, 1000}, full{0, 1000}, no_files{1 << 30, 0}, unlimited{1 << 30, {}};
  CHECK(judged({"/s/log", "/l", 7, "", room, {}}, false).list.empty());
  CHECK(judged({"/s/log", "/l", 7, "", unlimited, {}}, false).list.empty());
  CHECK(judged({"/s/log", "/l", 7, "", std::nullopt, {}}, false).list.empty());
  CHECK(ids_of(judged({"/s/log", "/l", 7, "a fifo", full, 9}, false)) == Ids{"log-current"});
  CHECK(says(judged({"/s/log", "/l", 7, "a fifo", room, {}}, false), "then kill -KILL 7"));
  CHECK(ids_of(judged({"/s/log", "/l", 7, "", full, 9}, false)) == Ids{"log-room"});
  CHECK(ids_of(judged({"/s/log", "/l", 7, "", no_files, {}}, false)) == Ids{"log-files"});
  CHECK(ids_of(judged({"/s/log", "/l", 7, "", room, 9}, false)) == Ids{"log-unread"});
  CHECK(judged({"/s/log", "/l", 7, "", room, 9}, true).list.empty());  // said elsewhere
}

TEST_CASE("keys that were read, and refused, are told from lists") {
  LogNews news;
  read_news(
      "@400000006553f10a00000000 info: lists reloaded, 3 entries\n"
      "@400000006553f10b00000000 info: keys reloaded, 2\n"
      "@400000006553f10c00000000 info: lists reloaded, 3 entries\n"
      "@400000006553f10d00000000 error: keys not reloaded, the old ones stay in force: k:2: bad\n",
      0, news);
  CHECK(news.reloaded_at == 1700000002);
  CHECK_FALSE(news.refused_at);
  const LogNews keys = news_of_keys(news);
  CHECK(keys.reloaded_at == 1700000001);
  CHECK(keys.refused_at == 1700000003);
  CHECK(keys.refused == "k:2: bad");
}

TEST_CASE("a log is read as multilog and as journalctl write it") {
  // 2023-11-14 22:13:20 UTC is 1700000000.
  LogNews news;
  read_news(
      "@400000006553f10a00000000 info: listening on 127.0.0.1@1999\n"
      "@400000006553f10b00000000 verdict=defer reason=new client=192.0.2.1 sender=info: lists "
      "reloaded, 9\n"
      "@400000006553f10c1dcd6500 info: lists reloaded, 3 entries\n"
      "@400000006553f10d00000000 warning: 12 log lines dropped\n"
      "@400000006553f10e00000000 error: lists not reloaded, the old ones stay in force: x:1: "
      "bad\n"
      "@400000006553f10f00000000 warning: 3 log lines dropped\n",
      1700000002, news);
  CHECK(news.since == 1700000000);
  CHECK(news.reloaded_at == 1700000002.5);
  CHECK(news.refused_at == 1700000004);
  CHECK(news.refused == "x:1: bad");
  CHECK(news.lost == 15);
  CHECK(news.lost_at == 1700000005);
  CHECK(news.last_words.empty());

  LogNews journal;
  read_news(
      "1700000000.000001 mx sh[12]: info: listening\n"
      "1700000009.500000 mx qmail-greyd[12]: info: lists reloaded, 3 entries\n"
      "1700000010.000000 mx qmail-greyd[12]: qmail-greyd: fatal: no [x]: here\n",
      0, journal);
  CHECK(journal.reloaded_at == 1700000009.5);
  CHECK(journal.last_words == "qmail-greyd: fatal: no [x]: here");

  LogNews other;
  read_news("no label\n@40 torn\n\n@400000006553f1", 0, other);
  CHECK_FALSE(other.since);
  CHECK(other.lost == 0);
}

TEST_CASE("a log is read in each format that the daemon can be told to write") {
  for (const LogFormat format : {LogFormat::plain, LogFormat::logfmt, LogFormat::json}) {
    std::string text;
    const auto add = [&](const char* label, const Note& note) {
      append_note(text.append(label), format, note);
    };
    add("@400000006553f10a00000000 ", {Priority::info, "lists reloaded, 3 entries"});
    add("@400000006553f10b00000000 ", {Priority::warning, "12 log lines dropped"});
    add("@400000006553f10c00000000 ",
        {Priority::error, "lists not reloaded, the old ones stay in force: x:1: \"bad\""});
    // What is no note of that kind: another level, and in what somebody has sent.
    add("@400000006553f10d00000000 ", {Priority::warning, "lists reloaded, 3 entries"});
    add("@400000006553f10d00000000 ", {Priority::info, "7 log lines dropped"});
    LogNews news;
    read_news(text, 0, news);
    CHECK(news.reloaded_at == 1700000000);
    CHECK(news.lost == 12);
    CHECK(news.refused_at == 1700000002);
    CHECK(news.refused == "x:1: \"bad\"");
    CHECK(news.last_words.empty());
    add("@400000006553f10d00000000 ", {Priority::critical, "no [x]: here", "qmail-greyd"});
    read_news(text, 0, news);
    CHECK(news.last_words == "qmail-greyd: fatal: no [x]: here");
  }
  LogNews decision;
  read_news(R"({"level":"info","verdict":"defer","reason":"new","client":"192.0.2.1"})", 0,
            decision);
  CHECK(decision.last_words.empty());
}

TEST_CASE("lost log lines of a day are a warning") {
  LogNews news;
  Findings findings;
  judge_news(news, "/s", "/l/current", findings);
  CHECK(findings.list.empty());
  news.lost = 15;
  judge_news(news, "/s", "/l/current", findings);
  CHECK(ids_of(findings) == Ids{"log-lines-lost"});
  CHECK(says(findings, "15 log lines were lost"));
  CHECK(findings.good());
}

namespace {

StateFacts good_state() {
  StateFacts facts;
  facts.context = "/d/x.context";
  facts.log = "LOG";
  facts.room = Room{1 << 30, 1000};
  facts.snapshot = 1 << 20;
  facts.journals = 1 << 10;
  facts.saved_ago = 20;
  facts.running = 86400;
  facts.journal_open = true;
  return facts;
}

}  // namespace

TEST_CASE("state that is saved, and can be saved again, is good") {
  using Change = void (*)(StateFacts&);
  const struct {
    const char* what;
    Change change;
    Ids ids;
  } rows[] = {
      {"as it should be", [](StateFacts&) {}, {"saved"}},
      {"another user's directory",
       [](StateFacts& facts) { facts.denied = "user x cannot save files in /d"; },
       {"state-unwritable", "saved"}},
      {"of the user as it runs",
       [](StateFacts& facts) { facts.running_denied = "user x cannot"; },
       {"state-unwritable", "saved"}},
      {"a read-only mount",
       [](StateFacts& facts) { facts.read_only = true; },
       {"state-read-only", "saved"}},
      {"a full disk", [](StateFacts& facts) { facts.room->bytes = 0; }, {"state-room", "saved"}},
      {"one byte less than it takes",
       [](StateFacts& facts) { facts.room->bytes = room_of_save(facts) - 1; },
       {"state-room", "saved"}},
      {"as much as it takes, once",
       [](StateFacts& facts) { facts.room->bytes = room_of_save(facts); },
       {"state-room-low", "saved"}},
      {"twice", [](StateFacts& facts) { facts.room->bytes = 2 * room_of_save(facts); }, {"saved"}},
      {"no inode", [](StateFacts& facts) { facts.room->files = 1; }, {"state-files", "saved"}},
      {"inodes without a limit", [](StateFacts& facts) { facts.room->files.reset(); }, {"saved"}},
      {"nothing is known of the disk", [](StateFacts& facts) { facts.room.reset(); }, {"saved"}},
      {"from memory",
       [](StateFacts& facts) { facts.journal_open = false; },
       {"journal-off", "saved"}},
      {"its directory was moved",
       [](StateFacts& facts) {
         facts.journal_open = false;
         facts.moved = "/old/x.context";
       },
       {"state-moved", "saved"}},
      {"only root can tell",
       [](StateFacts& facts) {
         facts.unseen = true;
         facts.journal_open.reset();
       },
       {"state-unseen", "saved"}},
      {"late", [](StateFacts& facts) { facts.saved_ago = 901; }, {"save-old"}},
      {"not late yet", [](StateFacts& facts) { facts.saved_ago = 899; }, {"saved"}},
      {"late for an hour's interval",
       [](StateFacts& facts) {
         facts.save_interval = 3600;
         facts.saved_ago = 901;
       },
       {"saved"}},
      {"old, of a daemon that has just been started",
       [](StateFacts& facts) {
         facts.saved_ago = 86400;
         facts.running = 30;
       },
       {"saved"}},
      {"never", [](StateFacts& facts) { facts.saved_ago.reset(); }, {"save-old"}},
      {"not yet",
       [](StateFacts& facts) {
         facts.saved_ago.reset();
         facts.running = 30;
       },
       {}},
      {"a clock that was set back", [](StateFacts& facts) { facts.saved_ago = -86400; }, {"saved"}},
      {"a daemon that does not run",
       [](StateFacts& facts) {
         facts.running.reset();
         facts.journal_open.reset();
       },
       {}},
      {"damaged files",
       [](StateFacts& facts) {
         facts.set_aside = {"/d/x.context.damaged.1", "/d/x.context.found"};
       },
       {"saved", "set-aside", "set-aside"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    StateFacts facts = good_state();
    row.change(facts);
    Findings findings;
    judge_state(facts, findings);
    CHECK(ids_of(findings) == row.ids);
    for (const Finding& finding : findings.list) {
      // Who is woken by it is told what to do; of a denial the text has the remedy.
      const bool remedy = !finding.todo.empty() || finding.id == "state-unwritable";
      CHECK((finding.severity == Severity::note || remedy));
    }
  }
}

TEST_CASE("an end of the daemon is no loss when its journal is open and the next can save") {
  Findings findings;
  StateFacts facts = good_state();
  facts.saved_ago = 86400;  // its journal has all
  facts.set_aside = {"/d/x.context.damaged.1"};
  judge_save(facts, findings);
  CHECK(findings.list.empty());
  facts.journal_open = false;
  judge_save(facts, findings);
  CHECK(ids_of(findings) == Ids{"journal-off"});
}

TEST_CASE("sizes and ages are said as a person would") {
  CHECK(size_text(0) == "0 bytes");
  CHECK(size_text(10239) == "10239 bytes");
  CHECK(size_text(10240) == "10 KiB");
  CHECK(size_text(std::uint64_t{300} << 30) == "300 GiB");
  CHECK(age_text(5) == "5 seconds");
  CHECK(age_text(60) == "1 minute");
  CHECK(age_text(119) == "119 seconds");
  CHECK(age_text(300) == "5 minutes");
  CHECK(age_text(7200) == "2 hours");
  CHECK(age_text(86400. * 3) == "3 days");
}

TEST_CASE("what a daemon was started with is read from its command line") {
  const std::vector<std::string> line = {
      "/usr/sbin/qmail-greyd", "-u",        "indimail",       "-m",       "5", "--policy",
      "127.0.0.1@10023",       "--dry-run", "127.0.0.1@1999", "x.context"};
  const auto started = start_values(line, false);
  REQUIRE(started);
  CHECK(started->at("SERVICE_USER") == "indimail");
  CHECK(started->at("MIN_RESEND_MIN") == "5");
  CHECK(started->at("POLICY") == "127.0.0.1@10023");
  CHECK(started->at("DRY_RUN") == "1");
  CHECK(started->at("LISTEN") == "127.0.0.1@1999");
  CHECK(started->at("CONTEXT_FILE") == "x.context");
  CHECK_FALSE(start_values(line, true));  // another program
  CHECK_FALSE(start_values({"/usr/sbin/qmail-greyd", "--what", "@", "x"}, false));
  CHECK_FALSE(start_values({"/usr/sbin/qmail-greyd", "-m", "@", "x"}, false));
  CHECK_FALSE(start_values({"/usr/sbin/qmail-greyd", "--notification-fd", "@", "x"}, false));
  const auto under_s6 =
      start_values({"/usr/sbin/qmail-greyd", "--notification-fd", "3", "-m", "2", "@", "x"}, false);
  REQUIRE(under_s6);
  CHECK(*under_s6 == StartValues{{"MIN_RESEND_MIN", "2"}, {"LISTEN", "@"}, {"CONTEXT_FILE", "x"}});
  CHECK_FALSE(start_values({"sh", "./run", "configured"}, false));
  CHECK_FALSE(start_values({}, false));
}

TEST_CASE("a setting that was edited since the start is not in force") {
  const StartValues started = {{"MIN_RESEND_MIN", "5"}, {"LISTEN", "@"}, {"ALLOW", "::1"}};
  Findings findings;
  judge_start_values({{"MIN_RESEND_MIN", "5"}, {"LISTEN", "@"}, {"ALLOW", "::1"}, {"POLICY", ""}},
                     started, "/s", findings);
  CHECK(findings.list.empty());
  judge_start_values({{"MIN_RESEND_MIN", "3"}, {"ALLOW", ""}, {"POLICY", "/p"}}, started, "/s",
                     findings);
  CHECK(lines_of(findings) ==
        std::vector<std::string>{
            "warning not-in-force: /s: ALLOW is its default now, and the daemon that runs was "
            "started with '::1'; to do: svctool --restart --service=/s",
            "warning not-in-force: /s: MIN_RESEND_MIN is '3' now, and the daemon that runs was "
            "started with '5'; to do: svctool --restart --service=/s",
            "warning not-in-force: /s: POLICY is '/p' now, and the daemon that runs was started "
            "with its default; to do: svctool --restart --service=/s"});
}

TEST_CASE("a list is in force when it was read after its last change") {
  const auto judged = [](std::optional<double> started, const LogNews& news) {
    Findings findings;
    judge_lists({{"/d/list", 1000}}, started, news, {"svc -h /s", "svctool --restart /s"},
                findings);
    return ids_of(findings);
  };
  LogNews news;
  CHECK(judged(std::nullopt, news).empty());  // no daemon
  CHECK(judged(1001, news).empty());
  CHECK(judged(900, news) == Ids{"list-changed"});  // the log tells nothing
  news.since = 950;
  CHECK(judged(900, news) == Ids{"list-not-read"});
  news.since = 1050;  // nor of that time
  CHECK(judged(900, news) == Ids{"list-changed"});
  news.since = 950;
  news.reloaded_at = 999;
  CHECK(judged(900, news) == Ids{"list-not-read"});
  news.refused_at = 1002;
  news.refused = "line 3";
  CHECK(judged(900, news) == Ids{"list-refused"});
  news.reloaded_at = 1003;
  CHECK(judged(900, news).empty());
}

TEST_CASE("a list that the daemon has refused last is wrong, whatever the times of the files are") {
  const auto judged = [](const LogNews& news) {
    Findings findings;
    judge_lists({{"/d/list", 1000}, {"/d/list.local", 1000}}, 1001, news,
                {"svc -h /s", "svctool --restart /s"}, findings);
    return lines_of(findings);
  };
  LogNews news;
  news.since = 1001;
  news.refused_at = 1500;
  news.refused = "/d/list.local:3: no address";
  const std::string what =
      "the daemon has refused it, so that the one before is in force: " + news.refused;
  CHECK(judged(news) == Ids{"wrong list-refused: /d/list.local: " + what +
                            "; to do: mend that line, then svc -h /s"});
  news.refused = "cannot open /d/list: Permission denied";
  CHECK(judged(news) == Ids{"wrong list-refused: /d/list: the daemon has refused it, so that the "
                            "one before is in force: cannot open /d/list: Permission denied; to "
                            "do: mend that, then svctool --restart /s"});
  news.refused = "cannot open /d/gone: No such file or directory";
  CHECK(judged(news) == Ids{"wrong list-refused: the daemon has not read its files again, so that "
                            "those before are in force: cannot open /d/gone: No such file or "
                            "directory; to do: mend that, then svctool --restart /s"});
  news.reloaded_at = 1501;
  CHECK(judged(news).empty());
  news.reloaded_at = 1499;
  CHECK(judged(news).size() == 1);
  news.since.reset();  // one that does not say when it has read them
  CHECK(judged(news).empty());
}

TEST_CASE("a place where mail servers ask is taken, silent, or answers") {
  Findings findings;
  judge_mta({{"@10023", "process 9 (nc)", {}},
             {"/run/p", "", MtaProbe{false, "Connection refused", 0}},
             {"/run/q", "", MtaProbe{true, "", 7}},
             {"/run/r", "", {}}},  // not in force
            "/s", "LOG", findings);
  CHECK(ids_of(findings) == Ids{"policy-taken", "policy-silent", "policy-answers"});
  CHECK(says(findings, "POLICY @10023 is taken by process 9 (nc); to do: end that one"));
  CHECK(says(findings, "POLICY /run/p: Connection refused; to do: "));
}

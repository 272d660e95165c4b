#include "greyd/report/report_maker.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "greyd/report/calendar.h"

using namespace grey;
using namespace grey::report;

namespace {

constexpr Seconds kNow = 1'700'006'400 - 400;  // 2023-11-14 23:53:20 UTC
constexpr Seconds kDay = 24 * kHourSeconds;
constexpr Seconds kThisHour = kNow - kNow % kHourSeconds;

struct InZone {
  explicit InZone(const char* zone = "UTC") {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
};

struct Made : InZone {
  explicit Made(Seconds back = 7 * kDay, Policy policy = {})
      : maker({kNow - back, kNow, policy, "1.2.3"}, HashKey{}) {}

  void totals(std::string_view line) {
    const auto read = read_totals(line);
    REQUIRE_MESSAGE(read, line);
    maker.add(*read);
  }
  // Of an hour so long ago, without its braces.
  void hour(Seconds ago, const std::string& rest) {
    totals(R"({"hour":)" + std::to_string(kThisHour - ago) + "," + rest + "}");
  }
  void record(std::string_view line) {
    RecordLine read;
    REQUIRE_MESSAGE(read_record_line(line, read), line);
    maker.add(read);
  }
  void waiting(const std::string& client, Seconds ago, const std::string& sender = "a@x.example",
               const std::string& recipient = "b@y.example") {
    record(R"({"state":"waiting","client":")" + client + R"(","sender":")" + sender +
           R"(","recipient":")" + recipient + R"(","first_seen":)" + std::to_string(kNow - ago) +
           "}");
  }
  void known(const std::string& client, Seconds ago, unsigned passes = 1) {
    record(R"({"state":"known","client":")" + client + R"(","last_seen":)" +
           std::to_string(kNow - ago) + R"(,"passes":)" + std::to_string(passes) + "}");
  }

  ReportMaker maker;
};

}  // namespace

TEST_CASE("what became of first attempts: from the hour's counts and from who waits now") {
  Made made;
  made.hour(kDay, R"("first":10,"passed":[0,0,0,0,0,0,2,1],"waited":1300,"trusted":1,"never":2)");
  made.waiting("192.0.2.1", kDay);  // too late to come back
  made.waiting("192.0.2.2", kDay);  // likewise, but its client is known: let in by another message
  made.known("192.0.2.2", 60);
  made.hour(0, R"("first":2)");
  made.waiting("192.0.2.3", 60);  // may come back yet
  const Report report = made.maker.finish();
  CHECK(report.fates ==
        Fates{.first = 12, .passed = 3, .trusted = 2, .held = 3, .open = 1, .left = 3});
  CHECK(report.delays.all() == 3);
  CHECK(report.delays.mean() == 433);
  CHECK(report.records == 4);
}

TEST_CASE("who is suspect: what came back, and of what is too late what did not") {
  Made made;
  made.hour(kDay, R"("first":20,"passed":[0,0,0,0,0,0,7],"suspect":{"first":12,"passed":2},)"
                  R"("unsuspect":{"first":8,"passed":5})");
  made.hour(0,
            R"("first":5,"passed":[1],"suspect":{"first":3,"passed":1},"unsuspect":{"first":2})");
  made.hour(13 * kHourSeconds, R"("udp":{"unsuspect":7},"policy":{"unsuspect":1},)"
                               R"("suspect":{"first":1,"passed":2})");  // of a damaged file
  made.hour(12 * kHourSeconds, R"("suspect":{"first":1})");  // its last triplet may come back yet
  const Report report = made.maker.finish();
  CHECK(report.suspect == SuspectFates{.first = 17, .passed = 5, .never = 10});
  CHECK(report.unsuspect == SuspectFates{.first = 10, .passed = 5, .never = 3});
  CHECK(report.spared() == 8);
  CHECK(report.sees_suspects());
  CHECK_FALSE(Made().maker.finish().sees_suspects());
}

TEST_CASE("a triplet waits in vain from the resend window on, and to the second") {
  const Seconds window = Policy().resend_window;
  for (const Seconds age : {window - 1, window}) {
    Made made;
    made.hour((kNow - kThisHour + kHourSeconds - 1 + window) / kHourSeconds * kHourSeconds,
              R"("first":5)");
    made.hour(hour_of(kNow) - hour_of(kNow - age), R"("first":1)");
    made.waiting("192.0.2.1", age);
    const Report report = made.maker.finish();
    CHECK(report.fates.held == (age == window ? 1 : 0));
    CHECK(report.fates.open == (age == window ? 0 : 1));
  }
}

TEST_CASE("a client is known that has its good retries, and was seen within the timeout") {
  Policy policy;
  policy.client_passes = 2;
  Made made(30 * kDay, policy);
  made.hour(20 * kDay, R"("first":4)");
  for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}) {
    made.waiting(client, 20 * kDay);
  }
  made.known("192.0.2.1", 60, 1);
  made.known("192.0.2.2", 60, 2);
  made.known("192.0.2.3", policy.timeout, 2);
  made.known("192.0.2.4", policy.timeout - 1, 2);
  const Report report = made.maker.finish();
  CHECK(report.fates.trusted == 2);
  CHECK(report.fates.held == 2);
}

TEST_CASE("records that did not begin here are laid to no hour") {
  Made made;
  made.hour(0, R"("first":1,"passed":[0,0,0,0,0,0,1],"waited":310)");
  made.waiting("192.0.2.1", 10);
  made.waiting("192.0.2.2", 20);
  made.waiting("192.0.2.3", 2 * kDay);
  const Report report = made.maker.finish();
  CHECK(report.fates == Fates{.first = 1, .passed = 1});
  CHECK(report.networks.first.front().deferred == 3);
}

TEST_CASE("what is before or behind the period is passed over") {
  Made made(kHourSeconds);
  made.hour(0, R"("first":1,"udp":{"new":1})");
  made.hour(kHourSeconds, R"("first":2,"udp":{"new":2})");  // a period begins with an hour
  made.hour(2 * kHourSeconds, R"("first":4,"udp":{"new":4})");
  made.hour(-kHourSeconds, R"("first":8,"udp":{"new":8})");
  made.waiting("192.0.2.1", 3 * kHourSeconds);
  const Report report = made.maker.finish();
  CHECK(report.fates.first == 3);
  CHECK(report.deferred() == 3);
  CHECK(report.networks.all == 0);
}

TEST_CASE("decisions are told by reason and front, and what is none by kind") {
  Made made;
  made.hour(0, R"("udp":{"new":3,"passed":1},"policy":{"known":5},"faults":{"udp.no-from":2},)"
               R"("foreign":4,"lost":6,"evicted":7)");
  made.hour(kHourSeconds, R"("udp":{"new":1},"faults":{"udp.no-from":1})");
  const Report report = made.maker.finish();
  CHECK(report.udp[std::size_t(wire::Reason::new_triplet)] == 4);
  CHECK(report.mta[std::size_t(wire::Reason::known)] == 5);
  CHECK(report.accepted() == 6);
  CHECK(report.deferred() == 4);
  CHECK(report.faults.at("udp.no-from") == 3);
  CHECK(report.foreign == 4);
  CHECK(report.lost == 6);
  CHECK(report.evicted == 7);
}

TEST_CASE("each day is there, and each hour of the day") {
  Made made(2 * kDay);
  made.hour(0, R"("first":1,"udp":{"new":1})");
  made.hour(kDay, R"("first":2,"udp":{"new":2,"known":7})");
  const Report report = made.maker.finish();
  REQUIRE(report.days.size() == 3);
  CHECK(report.days[0].fates.first == 0);
  CHECK(report.days[1].fates.first == 2);
  CHECK(report.days[1].accepted == 7);
  CHECK(report.days[2].begin % kDay == 0);
  CHECK(report.hours[23].fates.first == 3);
  CHECK(report.hours[22].fates.first == 0);
  CHECK_FALSE(report.by_week);
}

TEST_CASE("days and hours are those of the zone, and a day may have 23 hours") {
  const InZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const Seconds before = 1'711'839'600;  // 2024-03-31 00:00 there, the day of the change
  CHECK(days_of(before + 5, before + 23 * kHourSeconds, false) ==
        std::vector<Seconds>{before, before + 23 * kHourSeconds});
  CHECK(hour_of_day(before + kHourSeconds) == 1);
  CHECK(hour_of_day(before + 2 * kHourSeconds) == 3);
  CHECK(days_of(before, before, true) == std::vector<Seconds>{before - 6 * kDay});
}

TEST_CASE("a long period is told by weeks") {
  Made made(400 * kDay);
  const Report report = made.maker.finish();
  CHECK(report.by_week);
  CHECK(report.days.size() <= 59);
  CHECK(time_text(report.days.front().begin, "%a") == "Mon");
}

TEST_CASE("days that were not counted are not told as days without mail") {
  Made made(7 * kDay);
  made.maker.kept_from(kThisHour - kDay);
  made.hour(kDay, R"("first":1)");
  const Report report = made.maker.finish();
  REQUIRE(report.days.size() == 2);
  CHECK(report.days[0].fates.first == 1);
  Made clock(kHourSeconds);  // set back
  clock.maker.kept_from(kNow + kDay);
  CHECK(clock.maker.finish().days.size() == 1);
}

TEST_CASE("however long a period is, each hour is laid to its own day") {
  Made made(kNow);  // since 1970
  made.hour(0, R"("first":1,"passed":[0,0,0,0,0,0,1],"waited":310)");
  made.hour(300 * kDay, R"("first":2)");
  made.hour(5000 * kDay, R"("first":4)");  // of a wrong clock
  const Report report = made.maker.finish();
  CHECK(report.fates.first == 7);
  CHECK(report.days.back().fates.first == 1);
  CHECK(report.days.back().delays.all() == 1);
  CHECK(report.days.front().fates.first == 0);
  Count told = 0;
  for (const Slot& slot : report.days) told += slot.fates.first;
  CHECK(told == 3);
}

TEST_CASE("who is deferred most: networks, senders' domains, recipients") {
  Made made;
  made.waiting("192.0.2.1", 10, "a@x.example", "b@y.example");
  made.waiting("192.0.2.200", 10, "b@x.example", "b@y.example");
  made.waiting("2001:db8:1:2::/64", 10, "<>", "c@y.example");
  made.waiting("=mx.example", 10, "*", "*");
  const Report report = made.maker.finish();
  REQUIRE(report.networks.first.size() == 3);
  CHECK(report.networks.first[0].name == "192.0.2.0/24");
  CHECK(report.networks.first[0].deferred == 2);
  CHECK(report.networks.first[1].name == "2001:db8:1::/48");
  CHECK(report.networks.first[2].name == "=mx.example");
  REQUIRE(report.domains.first.size() == 2);
  CHECK(report.domains.first[0].name == "x.example");
  CHECK(report.domains.first[1].name == "<>");
  CHECK(report.recipients.first[0].name == "b@y.example");
}

TEST_CASE("one message by several addresses of a network is told, whether it waits or has passed") {
  Made made;
  made.waiting("192.0.2.1", 10, "a@x.example", "b@y.example");
  made.waiting("192.0.2.2", 10, "a@x.example", "b@y.example");
  made.record(R"({"state":"passed","client":"192.0.2.3","sender":"a@x.example",)"
              R"("recipient":"b@y.example","last_seen":)" +
              std::to_string(kNow) + "}");
  made.waiting("192.0.2.1", 10, "a@x.example", "other@y.example");
  made.waiting("198.51.100.1", 10, "a@x.example", "b@y.example");
  made.waiting("198.51.100.1", 10, "<>", "b@y.example");  // bounces are not one message
  made.waiting("198.51.100.2", 10, "<>", "b@y.example");
  const Report report = made.maker.finish();
  REQUIRE(report.several.size() == 1);
  CHECK(report.several[0].network == "192.0.2.0/24");
  CHECK(report.several[0].messages == 1);
  CHECK(report.several[0].most == 3);
  CHECK(report.several[0].recipient == "b@y.example");
}

TEST_CASE("where clients are taken together by network it cannot be told") {
  Policy policy;
  policy.ipv4_prefix = 24;
  Made made(kDay, policy);
  made.waiting("192.0.2.0/24", 10);
  const Report report = made.maker.finish();
  CHECK_FALSE(report.sees_several());
  CHECK(report.several.empty());
}

TEST_CASE("who waited longest is first, and ten are told") {
  Made made;
  for (int i = 0; i < 20; ++i) {
    made.hour(i * kHourSeconds, R"("longest":{"waited":)" + std::to_string(400 + (i * 7) % 20) +
                                    R"(,"client":"192.0.2.7","sender":"a@x","recipient":"b@y"})");
  }
  const Report report = made.maker.finish();
  REQUIRE(report.longest.size() == 10);
  CHECK(report.longest.front().waited == 419);
  CHECK(report.longest.back().waited == 410);
  CHECK(report.delays.longest == 419);
}

// By what a client is suspect: names and HELOs as they are in the wild, and what is decided of who
// is suspect and who is not.
#include "greyd/core/suspicion.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"

using namespace grey;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000;

// A query's text, field by field.
struct Asked {
  std::string client = "203.0.113.77", name = "mx.example.org", sender = "a@example.org";
  std::vector<std::string> recipients = {"b@here.example"};
  std::optional<std::string> helo{};
  bool early = false;

  std::string datagram() const {
    std::string text = "I" + client + '\0' + "F" + sender + '\0';
    for (const std::string& recipient : recipients) text += "T" + recipient + '\0';
    if (!name.empty()) text += "N" + name + '\0';
    if (helo) text += "H" + *helo + '\0';
    if (early) text += std::string("E") + '\0';
    return text;
  }
};

std::string words(const Suspicions& suspicions) {
  std::string text;
  suspicions.for_each(
      [&](Suspicion one) { text.append(text.empty() ? "" : " ").append(to_string(one)); });
  return text;
}

std::string suspect_by(const Asked& asked) {
  const std::string datagram = asked.datagram();
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  return words(suspicions_of(query));
}

Decided decide(Greylist& greylist, const Asked& asked, Seconds now, const Lists& lists = {}) {
  const std::string datagram = asked.datagram();
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  return greylist.decide(query, lists, now);
}

Policy of_suspects() {
  Policy policy;
  policy.select = Select::suspect;
  return policy;
}

Lists with_rules(const std::string& text) {
  Lists lists;
  lists.rules = *RuleList::parse(text, "rules", rule_limits(Policy{}));
  return lists;
}

}  // namespace

TEST_CASE("names of providers' outgoing servers are not suspect, and those of dialled lines are") {
  const struct {
    const char *client, *name, *suspicions;
  } rows[] = {
      // As published in providers' names of their outgoing servers.
      {"209.85.221.54", "mail-wr1-f54.google.com", ""},
      {"2a00:1450:4864:20::12b", "mail-lf1-x12b.google.com", ""},
      {"40.107.13.45", "mail-eopbgr130045.outbound.protection.outlook.com", ""},
      {"40.92.18.23", "mail-mw2nam10olkn2023.outbound.protection.outlook.com", ""},
      {"54.240.8.52", "a8-52.smtp-out.amazonses.com", ""},
      {"54.240.27.186", "a27-186.smtp-out.us-west-2.amazonses.com", ""},
      {"98.137.65.84", "sonic311-21.consmr.mail.gq1.yahoo.com", ""},
      {"17.58.63.182", "pv50p00im-ztdg10022001.me.com", ""},
      {"212.227.126.130", "mout.kundenserver.de", ""},
      {"212.227.15.19", "mout.gmx.net", ""},
      {"94.100.177.97", "smtp37.i.mail.ru", ""},
      {"77.88.28.105", "forward105.mail.yandex.net", ""},
      {"205.201.131.16", "mail16.suw11.mcdlv.net", ""},
      {"167.89.100.12", "o1.em.example-sendgrid.net", ""},
      {"66.111.4.25", "out1-smtp.messagingengine.com", ""},
      {"185.70.40.131", "mail-40131.protonmail.ch", ""},
      {"203.205.221.173", "out203-205-221-173.mail.qq.com", "name"},  // like any that is so made
      {"203.0.113.77", "MX1.Example.ORG.", ""},
      {"203.0.113.77", "mail77.example.org", ""},
      {"2001:db8::25", "mx.example.org", ""},
      // As access providers name lines.
      {"203.0.113.77", "host-203-0-113-77.isp.example.net", "name"},
      {"64:ff9b::203.0.113.77", "host-203-0-113-77.isp.example.net", "name"},
      {"203.0.113.77", "HOST-203-0-113-77.ISP.example.NET", "name"},
      {"203.0.113.77", "77.113.0.203.dynamic.isp.example.net", "name"},
      {"203.0.113.77", "77-113-0-203.dsl.isp.example.net", "name"},
      {"203.0.113.77", "static.203.000.113.077.isp.example.net", "name"},
      {"203.0.113.77", "pcb00714d.dip0.isp.example.de", "name"},
      {"203.0.113.77", "ec2-203-0-113-77.compute-1.amazonaws.com", "name"},
      {"203.0.113.77", "203-0-113-77.bb.dsl.isp.example.net", "name"},
      {"2001:db8:1:2:a:b:c:d", "2001-db8-1-2-a-b-c-d.isp.example.net", "name"},
      {"203.0.113.77", "", "no-name"},
      {"203.0.113.77", "unknown", "no-name"},
      {"203.0.113.77", "localhost.", "no-name"},
      {"203.0.113.77", ".", "no-name"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(suspect_by({.client = row.client, .name = row.name}) == row.suspicions);
  }
  const std::string long_name = "a." + std::string(300, 'b');
  CHECK(suspect_by({.name = long_name}) == "name");
}

TEST_CASE("a HELO that is a name with its domain, or the client's address in brackets, is none") {
  const struct {
    const char *client, *helo;
    bool suspect;
  } rows[] = {
      {"203.0.113.77", "mail-wr1-f54.google.com", false},
      {"203.0.113.77", "MX1.EXAMPLE.ORG", false},
      {"203.0.113.77", "mx1.example.org.", false},
      {"203.0.113.77", "exchange01.corp.local", false},  // behind NAT, and resolves nowhere
      {"203.0.113.77", "my_server.example.org", false},
      {"203.0.113.77", "xn--mller-kva.example", false},
      {"203.0.113.77", "203-0-113-77.isp.example.net", false},
      {"203.0.113.77", "192.0.2.1.example.net", false},
      {"203.0.113.77", "[203.0.113.77]", false},
      {"203.0.113.77", "[::ffff:203.0.113.77]", false},
      {"2001:db8::7", "[IPv6:2001:db8::7]", false},
      {"2001:db8::7", "[ipv6:2001:DB8:0:0::7]", false},
      {"2001:db8::7", "[2001:db8::7]", false},
      {"64:ff9b::203.0.113.77", "[203.0.113.77]", false},  // by way of a translator
      {"64:ff9b::203.0.113.77", "[203.0.113.78]", true},
      {"203.0.113.77", "", true},
      {"203.0.113.77", "localhost", true},
      {"203.0.113.77", "WIN-7QK4B2M1", true},
      {"203.0.113.77", "user", true},
      {"203.0.113.77", "mx1.", true},
      {"203.0.113.77", ".", true},
      {"203.0.113.77", ".example", true},
      {"203.0.113.77", "203.0.113.77", true},
      {"203.0.113.77", "203.0.113.77.", true},
      {"203.0.113.77", "192.168.1.5", true},
      {"203.0.113.77", "1.2", true},
      {"203.0.113.77", "203.0.113.77:25", true},
      {"203.0.113.77", "203.000.113.077", true},
      {"203.0.113.77", "203.0.113.77]", true},
      {"203.0.113.77", "mx.z\xc3\xbcrich.example", false},
      {"203.0.113.77", "mx.example.\xd1\x80\xd1\x84", false},
      {"2001:db8::7", "2001:db8::7", true},
      {"203.0.113.77", "::ffff:203.0.113.77", true},
      {"203.0.113.77", "[192.168.1.5]", true},
      {"203.0.113.77", "[203.0.113.78]", true},
      {"203.0.113.77", "[127.0.0.1]", true},
      {"2001:db8::7", "[IPv6:2001:db8::8]", true},
      {"203.0.113.77", "[203.0.113.77", true},
      {"203.0.113.77", "[]", true},
      {"203.0.113.77", "[", true},
      {"203.0.113.77", "[mx.example.org]", true},
      {"203.0.113.77", "[IPv6:]", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.helo);
    CHECK(suspect_by({.client = row.client, .helo = row.helo}) == (row.suspect ? "helo" : ""));
  }
  CHECK(suspect_by({}).empty());  // none is known
}

TEST_CASE("who spoke before it was greeted is suspect, and so is a null sender to several") {
  CHECK(suspect_by({.early = true}) == "early");
  CHECK(suspect_by({.sender = ""}).empty());
  CHECK(suspect_by({.sender = "", .recipients = {"a@x.example", "b@x.example"}}) == "bounces");
  CHECK(suspect_by({.recipients = {"a@x.example", "b@x.example"}}).empty());
  // Who names none of several, or one in place of those for whom there is no room.
  CHECK(suspect_by({.sender = "", .recipients = {""}}) == "bounces");
  CHECK(suspect_by({.sender = "", .recipients = {"#0123456789abcdef"}}) == "bounces");
  CHECK(suspect_by({.name = "", .sender = "", .recipients = {""}, .helo = "x", .early = true}) ==
        "no-name helo early bounces");
}

TEST_CASE("a client without an address is asked about nothing that it takes one for") {
  wire::Query query;
  const std::string datagram = std::string("Iunknown") + '\0' + "Fa@x" + '\0' + "Tb@y" + '\0' +
                               "N1.2.3.4.example.org" + '\0' + "H[192.0.2.1]" + '\0';
  REQUIRE(wire::parse(datagram, query, wire::Dialect::greydaemon) == wire::Fault::none);
  CHECK(words(suspicions_of(query)) == "helo");
}

TEST_CASE("where suspects are greylisted others are accepted at once, and nothing is stored") {
  Greylist greylist(of_suspects(), 100, HashKey{});
  const Decided spared = decide(greylist, {}, kNow);
  CHECK(spared.reason == Reason::unsuspect);
  CHECK(spared.verdict == wire::Verdict::accept);
  CHECK(spared.suspicions.none());
  CHECK(greylist.table().size() == 0);
  const Asked suspect{.name = "", .helo = "localhost"};
  const Decided waits = decide(greylist, suspect, kNow);
  CHECK(waits.reason == Reason::new_triplet);
  CHECK(words(waits.suspicions) == "no-name helo");
  CHECK(decide(greylist, suspect, kNow + 400).reason == Reason::passed);
  CHECK(decide(greylist, suspect, kNow + 401).reason == Reason::known);
  CHECK(decide(greylist, suspect, kNow + 401).suspicions.none());
  CHECK(decide(greylist, {}, kNow + 401).reason == Reason::known);  // it is the same client
  CHECK(wire::to_answer(Reason::unsuspect).bytes[0] == 1);
  CHECK(wire::to_answer(Reason::unsuspect).bytes[1] == 1);
}

TEST_CASE("where all are greylisted a deferral says by what the client is suspect") {
  Greylist greylist(Policy{}, 100, HashKey{});
  CHECK(words(decide(greylist, {.early = true}, kNow).suspicions) == "early");
  CHECK(words(decide(greylist, {.early = true}, kNow + 1).suspicions) == "early");
  CHECK(decide(greylist, {}, kNow + 2).suspicions.none());
  CHECK(decide(greylist, {}, kNow + 2).reason == Reason::early);
}

TEST_CASE("what the operator has said of somebody stands before it") {
  Greylist greylist(of_suspects(), 100, HashKey{});
  const auto reason = [&](const Lists& lists, const Asked& asked) {
    return decide(greylist, asked, kNow, lists).reason;
  };
  const Lists on = with_rules("to:ann@here.example on\nfrom@x.example on\n");
  CHECK(reason(on, {}) == Reason::unsuspect);
  CHECK(reason(on, {.recipients = {"ann@here.example"}}) == Reason::new_triplet);
  CHECK(reason(on, {.sender = "from@x.example"}) == Reason::new_triplet);
  // Each recipient is one for itself.
  CHECK(reason(on, {.sender = "c@x", .recipients = {"b@here.example", "ann@here.example"}}) ==
        Reason::new_triplet);
  // Who may be one of them.
  CHECK(reason(on, {.sender = "d@x", .recipients = {"*"}}) == Reason::new_triplet);
  CHECK(reason(on, {.sender = "*", .recipients = {"e@here.example"}}) == Reason::new_triplet);
  CHECK(reason(on, {.sender = "f@x", .recipients = {"#0123456789abcdef"}}) == Reason::new_triplet);
  const Lists off = with_rules("to:ann@here.example off\n");
  CHECK(reason(off, {.sender = "g@x", .recipients = {"*"}}) == Reason::unsuspect);
  CHECK(reason(off, {.sender = "g@x", .recipients = {"ann@here.example"}}) == Reason::rule);
  CHECK(reason(off, {.sender = "g@x", .recipients = {"ann@here.example", "b@here.example"}}) ==
        Reason::unsuspect);
  Lists listed;
  listed.blacklist = *AddressList::parse("203.0.113.0/24\n", "blacklist");
  CHECK(reason(listed, {}) == Reason::blacklisted);
}

TEST_CASE("who writes to a trap, or has, is not spared") {
  Greylist greylist(of_suspects(), 100, HashKey{});
  Lists traps;
  traps.blacklist = *AddressList::parse("trap:old@here.example\n", "blacklist");
  CHECK(decide(greylist, {}, kNow, traps).reason == Reason::unsuspect);
  CHECK(decide(greylist, {.sender = "", .recipients = {"old@here.example"}}, kNow, traps).reason ==
        Reason::unsuspect);
  const Decided caught = decide(greylist, {.recipients = {"old@here.example"}}, kNow, traps);
  CHECK(caught.reason == Reason::new_triplet);
  CHECK(caught.traps == 1);
  CHECK(decide(greylist, {}, kNow + 1, traps).reason == Reason::new_triplet);
  CHECK(decide(greylist, {.client = "192.0.2.1"}, kNow + 1, traps).reason == Reason::unsuspect);
}

TEST_CASE("a probe is a first attempt whoever asks") {
  Greylist greylist(of_suspects(), 100, HashKey{});
  const std::string datagram = Asked{}.datagram() + "P" + '\0';
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  CHECK(greylist.decide(query, {}, kNow).reason == Reason::new_triplet);
}

TEST_CASE("what would be decided of a client shows why") {
  Greylist greylist(of_suspects(), 100, HashKey{});
  const std::string datagram = Asked{.helo = "localhost"}.datagram();
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  const auto peeked = greylist.peek(query, {}, kNow);
  CHECK(words(peeked.decision.suspicions) == "helo");
  query.helo.reset();
  CHECK(greylist.peek(query, {}, kNow).decision.reason == Reason::unsuspect);
}

TEST_CASE("a first attempt, and the retry that passes, count as what the client was then") {
  AttemptTotals totals;
  Attempts attempts(totals);
  Greylist greylist(Policy{}, 100, HashKey{});
  greylist.count_attempts_in(&attempts);
  const Asked suspect{.client = "192.0.2.1", .name = "", .helo = "x"};
  decide(greylist, {}, kNow);
  decide(greylist, suspect, kNow);
  decide(greylist, {.client = "192.0.2.2", .early = true}, kNow);
  decide(greylist, {}, kNow + 400);
  const auto& hour = attempts.hours().begin()->second;
  CHECK(hour.unsuspect == SuspectCounts{1, 1});
  CHECK(hour.suspect == SuspectCounts{2, 0});
  CHECK(totals.unsuspect == SuspectCounts{1, 1});
  CHECK(totals.suspect == SuspectCounts{2, 0});
  CHECK(totals.suspicions == std::array<Count, kSuspicions>{1, 0, 1, 1, 0});
  // One that became unsuspect is no more of them than have begun.
  decide(greylist, {.client = "192.0.2.1"}, kNow + 400);
  CHECK(hour.unsuspect == SuspectCounts{2, 2});
  CHECK(hour.first == 3);
}

namespace {

Asked random_query(std::mt19937& random) {
  const auto one_of = [&](std::initializer_list<const char*> texts) {
    return std::string(*(texts.begin() + random() % texts.size()));
  };
  Asked asked;
  asked.client = one_of({"203.0.113.77", "192.0.2.1", "2001:db8::1"});
  asked.name = one_of({"", "mx.example.org", "ip-203-0-113-77.example.net"});
  asked.sender = one_of({"", "a@x.example", "b@x.example"});
  asked.recipients = {one_of({"r@here.example", "s@here.example"})};
  if (random() % 3 == 0) asked.recipients.push_back("t@here.example");
  if (random() % 2 == 0) asked.helo = one_of({"", "localhost", "mx.example.org"});
  asked.early = random() % 8 == 0;
  return asked;
}

std::string shown(const Decided& decided) {
  return std::string(to_string(decided.reason)) + " " + std::to_string(decided.age) + " " +
         std::to_string(decided.wait.value_or(-1)) + (decided.again ? " again" : "");
}

}  // namespace

TEST_CASE("who is suspect is decided as it is where all are greylisted, and others never wait") {
  std::mt19937 random(5);
  const Lists on = with_rules("to:s@here.example on min-resend 2m\n");
  std::size_t suspects = 0, spared = 0, rules_left = 0;
  for (int round = 0; round < 100; ++round) {
    Policy policy = of_suspects();
    policy.client_passes = unsigned(random() % 3);
    if (random() % 2 == 0) policy.recipients = RecipientRule::all;
    if (random() % 4 == 0) policy.recipient_key = RecipientKey::none;
    Greylist selective(policy, 10'000, HashKey{});
    policy.select = Select::all;
    Greylist all(policy, 10'000, HashKey{});
    const Lists lists = round % 2 == 0 ? Lists() : on;
    Seconds now = kNow;
    for (int step = 0; step < 200; ++step) {
      now += Seconds(random() % 200);
      Asked asked = random_query(random);
      // Among others the one whom the rule names is alone for itself, and the model has no such.
      if (!lists.rules.empty()) asked.recipients.resize(1);
      const std::string datagram = asked.datagram();
      CAPTURE(datagram);
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      const std::size_t before = selective.table().size();
      const Decided decided = selective.decide(query, lists, now);
      const bool is_suspect = !suspicions_of(query).none();
      if (decided.reason == Reason::unsuspect) {
        CHECK_FALSE(is_suspect);
        CHECK(selective.table().size() == before);
        ++spared;
        continue;
      }
      // A known client, or one whom a rule leaves on, is as it would be else.
      CHECK(shown(decided) == shown(all.decide(query, lists, now)));
      if (is_suspect) {
        ++suspects;
      } else if (decided.reason != Reason::known) {
        CHECK(asked.recipients.front() == "s@here.example");
        ++rules_left;
      }
    }
  }
  CHECK(suspects > 1000);
  CHECK(spared > 1000);
  CHECK(rules_left > 100);
}

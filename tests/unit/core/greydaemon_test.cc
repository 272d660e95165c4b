// greydaemon's rules: what its manual's section in qmail-greyd(8) says, and a model of it that is
// slow, small and easy to check by eye: whole texts for keys, nothing forgotten.
#include "greyd/core/greydaemon.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/core/greylist.h"
#include "greyd/state/context_text.h"

using namespace grey;
using namespace std::string_literals;
using wire::Reason;

namespace {

constexpr Seconds kStart = 1'700'000'000;

Policy greydaemon_policy() {
  Policy policy;
  policy.personality = Personality::greydaemon;
  policy.recipients = RecipientRule::all;
  policy.ipv6_prefix = 128;
  return policy;
}

struct Asked {
  std::string client, sender;
  std::vector<std::string> recipients;
};

std::string datagram_of(const Asked& asked) {
  std::string datagram = "I" + asked.client + '\0' + "F" + asked.sender + '\0';
  for (const std::string& recipient : asked.recipients) datagram += "T" + recipient + '\0';
  return datagram + '\0';
}

// A daemon whose clock stands still until wait().
class Running {
 public:
  explicit Running(const Policy& policy = greydaemon_policy(), const std::string& whitelist = "")
      : policy_(policy), greylist_(std::make_unique<Greylist>(policy, 100'000, HashKey{})) {
    lists_.whitelist = *AddressList::parse(whitelist, "");
  }

  std::string ask(const Asked& asked) {
    const std::string datagram = datagram_of(asked);
    wire::Query query;
    const wire::Fault fault = wire::parse(datagram, query, wire::Dialect::greydaemon);
    if (fault != wire::Fault::none) return std::string(to_string(fault));
    return std::string(to_string(greylist_->decide(query, lists_, now_).reason));
  }
  void wait(Seconds time) { now_ += time; }
  // Through a save file.
  void restart() {
    ContextComposer composer(ContextForm::greydaemon);
    composer.begin();
    greylist_->for_each([&](const SavedRecord& record) { composer.add(record); });
    composer.finish();
    saved_ = composer.take_buffer();
    greylist_ = std::make_unique<Greylist>(policy_, 100'000, HashKey{});
    const auto content =
        read_context(saved_, [&](const SavedRecord& record) { greylist_->restore(record, now_); });
    CHECK(content.bad == 0);
  }
  const std::string& saved() const { return saved_; }
  std::size_t records() const { return greylist_->table().size(); }

 private:
  Policy policy_;
  std::unique_ptr<Greylist> greylist_;
  Lists lists_;
  Seconds now_ = kStart;
  std::string saved_;
};

const std::string kBounceForm = "owner-x=y@example.net", kJoe = "joe@example.net";

}  // namespace

TEST_CASE("greydaemon: a recipient made for a bounce lets a null sender pass, wherever it stands") {
  Running daemon;
  CHECK(daemon.ask({"192.0.2.1", "", {kBounceForm}}) == "bounce");
  CHECK(daemon.ask({"192.0.2.1", "", {kBounceForm, kJoe}}) == "bounce");
  CHECK(daemon.records() == 0);  // those behind it do not count
  CHECK(daemon.ask({"192.0.2.1", "", {kJoe, kBounceForm}}) == "bounce");
  CHECK(daemon.records() == 1);  // those before it do
  daemon.wait(400);
  SUBCASE("as any first attempt") {
    CHECK(daemon.ask({"192.0.2.1", "", {kJoe}}) == "passed");
  }
  SUBCASE("and the good retry makes the client known") {
    CHECK(daemon.ask({"192.0.2.1", "", {kJoe, kBounceForm, "ann@example.net"}}) == "bounce");
    CHECK(daemon.ask({"192.0.2.1", "a@x", {"b@y"}}) == "known");
  }
  SUBCASE("for a sender it is a recipient as any") {
    CHECK(daemon.ask({"192.0.2.1", "a@x", {kBounceForm}}) == "new");
  }
}

TEST_CASE("greydaemon: the form of a bounce is a dash and behind it an equals sign, in one line") {
  for (const char* text : {"owner-x=y", "-=", "a-b-c=d", "a- =b", "=-=", "-\n-="}) {
    CHECK(greydaemon::is_list_bounce(text));
  }
  for (const char* text : {"", "joe", "a=b-c", "a-b", "a=b", "a-\n=b"}) {
    CHECK_FALSE(greydaemon::is_list_bounce(text));
  }
}

TEST_CASE("greydaemon: a client that is no address is one like another, by its text") {
  Running daemon;
  for (const char* client : {"unknown", "", "192.0.2.01", "a b"}) {
    CHECK(daemon.ask({client, "a@x", {"b@y"}}) == "new");
  }
  daemon.wait(300);
  CHECK(daemon.ask({"UnKnown", "a@x", {"b@y"}}) == "passed");
  CHECK(daemon.ask({"UnKnown", "c@x", {"b@y"}}) == "known");  // known as it is written
  CHECK(daemon.ask({"unknown", "c@x", {"b@y"}}) == "new");
  CHECK(daemon.ask({"", "a@x", {"b@y"}}) == "passed");
  CHECK(daemon.ask({"un\nknown", "a@x", {"b@y"}}) == "new");  // "un"
  daemon.restart();
  CHECK(daemon.saved() ==
        "G 1700000000 unknown a@x b@y\n"
        "G 1700000000  a@x b@y\n"
        "G 1700000000 192.0.2.01 a@x b@y\n"
        "G 1700000000 a b a@x b@y\n"
        "G 1700000300 unknown c@x b@y\n"
        "G 1700000300 un a@x b@y\n"
        "I 1700000300 UnKnown\n"
        "I 1700000300 \n");
  CHECK(daemon.ask({"UnKnown", "d@x", {"b@y"}}) == "known");
  CHECK(daemon.ask({"", "d@x", {"b@y"}}) == "known");
  CHECK(daemon.ask({"192.0.2.01", "a@x", {"b@y"}}) == "passed");
  CHECK(daemon.ask({"a b", "a@x", {"b@y"}}) == "passed");
  CHECK(daemon.ask({"192.0.2.1", "a@x", {"b@y"}}) == "new");
}

TEST_CASE("greydaemon: in lists a name stands for the address that its numbers make") {
  const struct {
    const char* name;
    const char* address;
  } rows[] = {{"192.0.2.07", "192.0.2.7"},
              {"192.0.2", "192.0.2.0"},
              {"10.1.2.3.4", "10.1.2.3"},
              {"192.0.2.7 ", "192.0.2.7"},
              {"192.0.2.300", "192.0.2.44"},
              {"unknown", "0.0.0.0"},
              {"", "0.0.0.0"},
              {"host7", "0.0.0.0"}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(to_string(greydaemon::listed_as(row.name)) == row.address);
  }
  Running daemon(greydaemon_policy(), "192.0.2");
  CHECK(daemon.ask({"192.0.2.07", "a@x", {"b@y"}}) == "whitelisted");
  CHECK(daemon.ask({"unknown", "a@x", {"b@y"}}) == "new");
}

TEST_CASE("greydaemon: a query without a recipient is accepted, and nothing is stored of it") {
  Running daemon(greydaemon_policy(), "192.0.2.9\nto:postmaster@example.net");
  CHECK(daemon.ask({"192.0.2.1", "a@x", {}}) == "passed");
  CHECK(daemon.ask({"192.0.2.1", "", {}}) == "passed");
  CHECK(daemon.ask({"192.0.2.9", "", {}}) == "whitelisted");
  CHECK(daemon.records() == 0);
  CHECK(daemon.ask({"192.0.2.1", "a@x", {kJoe}}) == "new");
  daemon.wait(300);
  CHECK(daemon.ask({"192.0.2.1", "a@x", {kJoe}}) == "passed");
  CHECK(daemon.ask({"192.0.2.1", "a@x", {}}) == "known");
}

TEST_CASE("greydaemon: an IPv6 client is its whole address, in whatever spelling") {
  Running daemon;
  for (const char* client : {"2001:db8::1", "64:ff9b::192.0.2.1", "2001:0:1::1"}) {
    CHECK(daemon.ask({client, "a@x", {"b@y"}}) == "new");
  }
  daemon.wait(300);
  for (const char* client : {"2001:db8::2", "192.0.2.1", "2001:0:2::1"}) {
    CHECK(daemon.ask({client, "a@x", {"b@y"}}) == "new");
  }
  CHECK(daemon.ask({"2001:DB8:0::1", "a@x", {"b@y"}}) == "passed");
  daemon.restart();
  CHECK(daemon.ask({"2001:db8:0:0:0:0:0:1", "c@x", {"b@y"}}) == "known");
  CHECK(daemon.ask({"64:ff9b::192.0.2.1", "a@x", {"b@y"}}) == "passed");

  Policy policy = greydaemon_policy();
  policy.ipv6_prefix = 64;
  Running by_network(policy);
  CHECK(by_network.ask({"2001:db8::1", "a@x", {"b@y"}}) == "new");
  CHECK(by_network.ask({"2001:db8::2", "a@x", {"b@y"}}) == "early");
}

TEST_CASE("greydaemon: blanks do not count in addresses, and a dot is the null sender") {
  Running daemon;
  CHECK(daemon.ask({"192.0.2.1", "a b@x", {"c d@y"}}) == "new");
  CHECK(daemon.ask({"192.0.2.1", "ab@x", {" cd@y "}}) == "early");
  CHECK(daemon.ask({"192.0.2.2", " . ", {kJoe}}) == "new");
  daemon.restart();
  CHECK(daemon.saved() ==
        "G 1700000000 192.0.2.1 ab@x cd@y\n"
        "G 1700000000 192.0.2.2 . joe@example.net\n");
  CHECK(daemon.ask({"192.0.2.1", "ab @x", {"cd@y"}}) == "early");
  CHECK(daemon.ask({"192.0.2.2", "", {kJoe}}) == "early");
  CHECK(daemon.ask({"192.0.2.3", ".", {kBounceForm}}) == "bounce");
  CHECK(daemon.ask({"192.0.2.3", "..", {kBounceForm}}) == "new");
  CHECK(daemon.ask({"192.0.2.3", "a\tb@x", {kJoe}}) == "new");  // a tab is no blank
  CHECK(daemon.ask({"192.0.2.3", "ab@x", {kJoe}}) == "new");
}

TEST_CASE("greydaemon: an empty recipient and one that is a dot are two, in the save file too") {
  Running daemon;
  CHECK(daemon.ask({"192.0.2.1", "a@x", {""}}) == "new");
  CHECK(daemon.ask({"192.0.2.1", "a@x", {"."}}) == "new");
  daemon.wait(300);
  daemon.restart();
  CHECK(daemon.saved() == "G 1700000000 192.0.2.1 a@x \nG 1700000000 192.0.2.1 a@x .\n");
  CHECK(daemon.records() == 2);
  CHECK(daemon.ask({"192.0.2.1", "a@x", {"", "."}}) == "passed");
}

TEST_CASE("elsewhere none of that holds") {
  const auto answer = [](const Asked& asked) {
    const std::string datagram = datagram_of(asked);
    wire::Query query;
    return wire::parse(datagram, query);
  };
  CHECK(answer({"unknown", "a@x", {"b@y"}}) == wire::Fault::bad_client);
  CHECK(answer({"", "a@x", {"b@y"}}) == wire::Fault::bad_client);
  CHECK(answer({"192.0.2.1", "a@x", {}}) == wire::Fault::no_recipient);

  Policy policy;
  policy.client_passes = 0;
  Running daemon(policy);
  CHECK(daemon.ask({"2001:db8::1", "a b@x", {kJoe}}) == "new");
  CHECK(daemon.ask({"2001:db8::2", "a b@x", {kJoe}}) == "early");
  CHECK(daemon.ask({"2001:db8::2", "ab@x", {kJoe}}) == "new");
  CHECK(daemon.ask({"192.0.2.1", "", {kBounceForm}}) == "new");
  CHECK(daemon.ask({"192.0.2.1", ".", {kBounceForm}}) == "new");
}

// ---- the model ---------------------------------------------------------------------------------

namespace {

class Model {
 public:
  explicit Model(const Policy& policy) : p_(policy) {}

  std::string ask(const Asked& asked, Seconds now) {
    if (known_.contains(asked.client) && now - known_[asked.client] < p_.timeout) {
      known_[asked.client] = now;
      return "known";
    }
    std::string sender = asked.sender, answer = "passed";
    std::erase(sender, ' ');
    if (sender == ".") sender.clear();
    for (std::string recipient : asked.recipients) {
      std::erase(recipient, ' ');
      const std::size_t dash = recipient.find('-');
      if (sender.empty() && dash != recipient.npos && recipient.find('=', dash) != recipient.npos) {
        return "bounce";
      }
      const std::string key = to_lower(asked.client + "|" + sender + "|" + recipient);
      if (!first_seen_.contains(key)) {
        first_seen_[key] = now;
        answer = "new";
        continue;
      }
      const Seconds age = now - first_seen_[key];
      if (age < p_.min_resend) {
        answer = "early";
      } else if (age < p_.resend_window) {
        known_[asked.client] = now;
      } else {
        first_seen_[key] = now;
        answer = "stale";
      }
    }
    return answer;
  }

 private:
  Policy p_;
  std::map<std::string, Seconds> known_, first_seen_;
};

template <typename Choice>
Choice pick(std::mt19937& random, std::initializer_list<Choice> choices) {
  return choices.begin()[random() % choices.size()];
}

Asked random_query(std::mt19937& random) {
  Asked asked{pick<std::string>(random, {"192.0.2.1", "2001:db8::1", "2001:db8::2", "unknown",
                                         "UNKNOWN", "", "a b", std::string(400, 'n')}),
              pick<std::string>(random, {"", "", ".", " ", "a@x", "A@x", "a @x", "b@x"}),
              {}};
  for (std::size_t n = random() % 4; n > 0; --n) {
    asked.recipients.push_back(pick<std::string>(
        random, {"r@y", "R@y", "r @y", "s@y", "l-o=r@y", "l=o-r@y", "", ".", "-="}));
  }
  return asked;
}

}  // namespace

TEST_CASE("greydaemon: thousands of random sequences are decided as the model decides them") {
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    std::mt19937 random(seed);
    Policy policy = greydaemon_policy();
    policy.min_resend = pick<Seconds>(random, {60, 300});
    policy.resend_window = pick<Seconds>(random, {3600, 43'200});
    policy.timeout = pick<Seconds>(random, {86'400, 604'800});
    Running daemon(policy);
    Model model(policy);
    Seconds now = kStart;
    // A start forgets what it says is stale, and so it is new from then on: both are deferred.
    const bool restarts = seed % 2 == 0;
    for (int step = 0; step < 60; ++step) {
      const Seconds wait =
          random() % 3 != 0
              ? Seconds(random() % 200)
              : pick<Seconds>(random, {0, policy.min_resend - 1, policy.min_resend,
                                       policy.resend_window - 1, policy.resend_window,
                                       policy.timeout - 1, policy.timeout, policy.timeout + 1});
      now += wait;
      daemon.wait(wait);
      const Asked asked = random_query(random);
      const std::string ours = daemon.ask(asked);
      const std::string theirs = model.ask(asked, now);
      const bool alike = ours == theirs || (restarts && ours == "new" && theirs == "stale");
      if (!alike) {
        FAIL("seed " << seed << " step " << step << ": " << ours << ", but the model " << theirs);
      }
      if (restarts && step % 7 == 6) daemon.restart();
    }
  }
}

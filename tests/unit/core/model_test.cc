// The decision against a model of greyd/DESIGN.md, section 3, that is slow, small and easy to check
// by eye: maps of whole records, nothing evicted, nothing expired but by looking at the time.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/core/greylist.h"

using namespace grey;
using wire::Reason;

namespace {

// One step of traffic: time passes, then a query. Small alphabets, so that things meet.
struct Step {
  Seconds wait;
  int client;  // 0..5
  std::string sender;
  std::vector<std::string> recipients;
};

std::string ip_of(int client) {
  static const char* const kClients[] = {"192.0.2.1",   "192.0.2.2",   "198.51.100.1",
                                         "2001:db8::1", "2001:db8::2", "203.0.113.9"};
  return kClients[client];
}
constexpr const char* kWhitelisted = "203.0.113.9";

// What a rule names somebody by; empty: anybody. And its action.
struct ModelRule {
  std::string client, sender, recipient;
  RuleAction action;

  bool names(const Step& step, const std::string& to) const {
    return (client.empty() || client == ip_of(step.client)) &&
           (sender.empty() || sender == to_lower(step.sender)) &&
           (recipient.empty() || recipient == to_lower(to));
  }
  std::string line() const {
    std::string text = client + " " + sender + (recipient.empty() ? "" : " to:" + recipient);
    if (client.empty() && sender.empty() && recipient.empty()) text = "*";
    return text + " " + to_string(action) + "\n";
  }
};

class Model {
 public:
  Model(const Policy& policy, const std::vector<ModelRule>& rules) : p_(policy), rules_(rules) {}

  Reason decide(const Step& step, Seconds now) {
    if (ip_of(step.client) == kWhitelisted) return Reason::whitelisted;
    const std::string client = network(step.client);
    const std::vector<Asked> asked = named_in_order(client, step);
    if (asked.empty()) return Reason::rule;
    std::vector<bool> known_to;
    for (const Asked& of : asked) known_to.push_back(is_known(client, of.terms, now));
    const auto known = std::count(known_to.begin(), known_to.end(), true);
    if (known > 0) clients_[client].second = now;
    const bool enough =
        p_.recipients == RecipientRule::any ? known > 0 : std::size_t(known) == asked.size();
    if (enough) return Reason::known;
    std::vector<Reason> reasons;
    bool earns = false;
    const std::map<Id, Triplet> before = triplets_;
    std::vector<Id> judged;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i].repeated) continue;
      if (known_to[i]) {
        reasons.push_back(Reason::known);
        continue;
      }
      // Each on its own terms, by what there was before the query.
      const std::map<Id, Triplet> after = triplets_;
      triplets_ = before;
      reasons.push_back(triplet(asked[i], step.sender, now));
      const Triplet made = triplets_[asked[i].id];
      triplets_ = after;
      const bool first = std::find(judged.begin(), judged.end(), asked[i].id) == judged.end();
      if (first || reasons.back() == Reason::passed) triplets_[asked[i].id] = made;
      judged.push_back(asked[i].id);
      earns |= reasons.back() == Reason::passed && asked[i].terms.client_passes > 0;
    }
    const auto any = [&](Reason reason) {
      return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
    };
    // Of one client and sender, what comes within a minute is one message.
    if (any(Reason::passed)) {
      const auto message = std::pair(client, key(step.sender));
      const auto last = last_pass_.find(message);
      const bool again = last != last_pass_.end() && now - last->second.seen <= 60;
      earns = earns && !(again && last->second.earned);
      if (!again || earns) last_pass_[message] = {now, earns};
      if (earns) {
        if (clients_.contains(client) && now - clients_[client].second >= p_.timeout) {
          clients_.erase(client);
        }
        auto& [passes, seen] = clients_[client];
        ++passes;
        seen = now;
      }
    }
    const bool good = any(Reason::passed) || any(Reason::bounce) || any(Reason::known);
    const bool bad = any(Reason::early) || any(Reason::stale) || any(Reason::new_triplet);
    const bool accept = p_.recipients == RecipientRule::any ? good : !bad;
    if (accept && step.sender.empty()) {
      std::size_t i = 0;
      for (const Asked& of : asked) {
        if (of.repeated) continue;
        if (reasons[i++] == Reason::bounce && triplets_[of.id].kind == Kind::waiting) {
          triplets_[of.id] = {Kind::bounce, now};
        }
      }
    }
    const std::vector<Reason> order =
        accept ? std::vector{Reason::passed, Reason::bounce, Reason::known}
               : std::vector{Reason::early, Reason::stale, Reason::new_triplet};
    return *std::find_if(order.begin(), order.end(), any);
  }

 private:
  enum class Kind { waiting, bounce, passed };
  struct Triplet {
    Kind kind;
    Seconds seen;
  };

  static Seconds life(Kind kind, const Terms& terms) {
    if (kind == Kind::bounce) return 6 * 3600;
    return kind == Kind::passed ? terms.timeout : std::max(terms.timeout, terms.resend_window);
  }

  bool is_known(const std::string& client, const Terms& terms, Seconds now) const {
    const auto found = clients_.find(client);
    if (terms.client_passes == 0 || found == clients_.end()) return false;
    const auto& [passes, seen] = found->second;
    return now - seen < terms.timeout && passes >= terms.client_passes;
  }

  std::string network(int client) const {
    const bool v4 = client != 3 && client != 4;
    if (v4 && p_.ipv4_prefix == 24) return ip_of(client).substr(0, ip_of(client).rfind('.'));
    if (!v4 && p_.ipv6_prefix == 64) return "2001:db8::";
    return ip_of(client);
  }

  std::string key(const std::string& sender) const {
    if (p_.sender_key == SenderKey::none) return "";
    if (p_.sender_key == SenderKey::domain) return to_lower(sender.substr(sender.find('@') + 1));
    return to_lower(sender);
  }

  using Id = std::tuple<std::string, std::string, std::string>;

  Id id_of(const std::string& client, const std::string& sender,
           const std::string& recipient) const {
    return {client, key(sender), p_.recipient_key == RecipientKey::none ? "" : to_lower(recipient)};
  }

  struct Asked {
    Id id;
    Terms terms;
    bool repeated;     // its triplet is that of one before, and its terms are
    std::size_t rule;  // its number
  };

  // The recipients that a rule does not switch off, in the query's order.
  std::vector<Asked> named_in_order(const std::string& client, const Step& step) const {
    std::vector<Asked> asked;
    for (const std::string& recipient : step.recipients) {
      Asked next{id_of(client, step.sender, recipient), p_, false, rules_.size()};
      const auto rule = std::find_if(rules_.begin(), rules_.end(), [&](const ModelRule& of) {
        return of.names(step, recipient);
      });
      next.rule = std::size_t(rule - rules_.begin());
      if (rule != rules_.end()) {
        if (rule->action.off) continue;
        if (rule->action.min_resend) next.terms.min_resend = *rule->action.min_resend;
        if (rule->action.window) next.terms.resend_window = *rule->action.window;
        if (rule->action.passes) next.terms.client_passes = *rule->action.passes;
      }
      const auto same = [&](const Asked& of) { return of.id == next.id && of.rule == next.rule; };
      next.repeated = std::any_of(asked.begin(), asked.end(), same);
      asked.push_back(next);
    }
    return asked;
  }

  Reason triplet(const Asked& asked, const std::string& sender, Seconds now) {
    const Id& id = asked.id;
    const Terms& terms = asked.terms;
    if (triplets_.contains(id)) {
      const Triplet& old = triplets_[id];
      if (now - old.seen >= life(old.kind, terms)) triplets_.erase(id);
    }
    if (!triplets_.contains(id)) {
      triplets_[id] = {Kind::waiting, now};
      return Reason::new_triplet;
    }
    Triplet& record = triplets_[id];
    if (record.kind == Kind::bounce) return sender.empty() ? Reason::bounce : Reason::known;
    if (record.kind == Kind::passed) {
      record.seen = now;
      return Reason::known;
    }
    const Seconds age = now - record.seen;
    if (age < terms.min_resend) return Reason::early;
    if (age >= terms.resend_window) {
      record.seen = now;
      return Reason::stale;
    }
    if (sender.empty()) return Reason::bounce;
    record = {Kind::passed, now};
    return Reason::passed;
  }

  Policy p_;
  std::vector<ModelRule> rules_;
  std::map<std::string, std::pair<unsigned, Seconds>> clients_;  // good retries, last seen
  std::map<Id, Triplet> triplets_;
  struct Pass {
    Seconds seen;
    bool earned;
  };
  std::map<std::pair<std::string, std::string>, Pass> last_pass_;  // by client and sender
};

struct World {
  Policy policy;
  std::vector<ModelRule> rules;

  std::string text() const {
    std::string lines;
    for (const ModelRule& rule : rules) lines += rule.line();
    return lines;
  }
  Result<RuleList> list() const { return RuleList::parse(text(), "rules", rule_limits(policy)); }
};

// Where the two part: the number of the step and what each said. Nothing when they agree.
std::optional<std::string> difference(const World& world, const std::vector<Step>& steps,
                                      bool with_expiry) {
  Lists lists{*AddressList::parse(kWhitelisted, ""), {}};
  lists.rules = *world.list();
  Greylist greylist(world.policy, 100'000, HashKey{});
  Model model(world.policy, world.rules);
  Seconds now = 1'000'000'000;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    now += steps[i].wait;
    if (with_expiry && i % 3 == 0) greylist.expire(now, 2);
    std::string datagram = "I" + ip_of(steps[i].client) + '\0' + "F" + steps[i].sender + '\0';
    for (const std::string& recipient : steps[i].recipients) datagram += "T" + recipient + '\0';
    wire::Query query;
    if (wire::parse(datagram, query) != wire::Fault::none) return "bad datagram";
    const Reason ours = greylist.decide(query, lists, now).reason;
    const Reason theirs = model.decide(steps[i], now);
    if (ours != theirs) {
      return "step " + std::to_string(i) + ": " + std::string(to_string(ours)) +
             ", but the model " + std::string(to_string(theirs));
    }
  }
  return std::nullopt;
}

// Leaves out steps one by one while the difference stays: what is left is easy to read.
std::vector<Step> shrink(const World& world, std::vector<Step> steps, bool with_expiry) {
  for (std::size_t i = steps.size(); i-- > 0;) {
    std::vector<Step> fewer = steps;
    if (i + 1 < fewer.size()) fewer[i + 1].wait += fewer[i].wait;
    fewer.erase(fewer.begin() + std::ptrdiff_t(i));
    if (difference(world, fewer, with_expiry)) steps = std::move(fewer);
  }
  return steps;
}

std::string describe(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) {
    text +=
        "\n+" + std::to_string(step.wait) + "s " + ip_of(step.client) + " <" + step.sender + ">";
    for (const std::string& recipient : step.recipients) text += " " + recipient;
  }
  return text;
}

template <typename Choice>
Choice pick(std::mt19937& random, std::initializer_list<Choice> choices) {
  return choices.begin()[random() % choices.size()];
}

Policy random_policy(std::mt19937& random) {
  Policy policy;
  policy.min_resend = pick<Seconds>(random, {0, 10, 60});
  policy.resend_window = pick<Seconds>(random, {61, 200, 500});
  policy.timeout = pick<Seconds>(random, {100, 300, 1000, 5000, 50'000});
  policy.client_passes = pick(random, {0u, 1u, 1u, 2u, 3u});
  policy.recipients = pick(random, {RecipientRule::any, RecipientRule::all});
  policy.ipv4_prefix = pick(random, {32u, 24u});
  policy.ipv6_prefix = pick(random, {64u, 128u});
  policy.sender_key = pick(random, {SenderKey::full, SenderKey::domain, SenderKey::none});
  policy.recipient_key = pick(random, {RecipientKey::full, RecipientKey::full, RecipientKey::none});
  return policy;
}

// Good ones; often none.
World random_world(std::mt19937& random) {
  World world{random_policy(random), {}};
  for (std::size_t n = random() % 5; n > 0; --n) {
    ModelRule rule;
    if (random() % 4 == 0) rule.client = ip_of(int(random() % 6));
    if (random() % 4 == 0) rule.sender = pick<std::string>(random, {"a@x.org", "b@x.org"});
    if (random() % 3 > 0) rule.recipient = pick<std::string>(random, {"r@z.net", "s@z.net"});
    rule.action.off = random() % 3 == 0;
    if (!rule.action.off) {
      if (random() % 2 == 0) rule.action.min_resend = pick<Seconds>(random, {0, 10, 60, 90});
      if (random() % 2 == 0) rule.action.window = pick<Seconds>(random, {61, 100, 500});
      if (random() % 2 == 0) rule.action.passes = pick(random, {0u, 1u, 2u});
    }
    world.rules.push_back(std::move(rule));
    if (!world.list()) world.rules.pop_back();
  }
  return world;
}

std::vector<Step> random_steps(std::mt19937& random, const Policy& policy) {
  std::vector<Step> steps(1 + random() % 120);
  for (Step& step : steps) {
    // Mostly around the borders, where the mistakes are.
    step.wait = pick<Seconds>(random, {0, 0, 1, 7, 60, 61, policy.min_resend, policy.min_resend - 1,
                                       policy.resend_window - 1, policy.resend_window,
                                       policy.timeout - 1, policy.timeout, 6 * 3600 - 1, 6 * 3600});
    step.wait = random() % 3 == 0 ? std::max<Seconds>(step.wait, 0) : Seconds(random() % 20);
    step.client = int(random() % 6);
    step.sender = pick<std::string>(random, {"", "a@x.org", "A@X.org", "b@x.org", "a@y.org"});
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      step.recipients.push_back(
          pick<std::string>(random, {"r@z.net", "R@z.NET", "s@z.net", "t@z.net"}));
    }
  }
  return steps;
}

}  // namespace

TEST_CASE("thousands of random sequences are decided as the model decides them") {
  for (unsigned seed = 1; seed <= 6000; ++seed) {
    std::mt19937 random(seed);
    const World world = random_world(random);
    const std::vector<Step> steps = random_steps(random, world.policy);
    const bool with_expiry = seed % 2 == 0;  // freeing expired records must not change an answer
    if (difference(world, steps, with_expiry)) {
      const std::vector<Step> shortest = shrink(world, steps, with_expiry);
      FAIL("seed " << seed << ": " << *difference(world, shortest, with_expiry)
                   << describe(shortest) << "\n"
                   << world.text());
    }
  }
}

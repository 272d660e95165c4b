#include "greyd/pools/pool_keeper.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/core/key.h"

namespace grey {
namespace {

// Whom one client's bounds are for.
Ip network_of(const Ip& client) {
  constexpr unsigned kIpv4Bits = 24, kIpv6Bits = 48;
  return client.client_network(kIpv4Bits, kIpv6Bits);
}

// Who asks by the client alone names neither sender nor recipient.
bool names_message(const wire::Query& query) {
  return query.sender != "*" && query.recipients.size() > 0 && *query.recipients.begin() != "*" &&
         !(*query.recipients.begin()).empty();
}

// The last two labels of a name or of what ends with one; a registrable domain has no fewer.
std::string_view last_labels(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::size_t last = name.rfind('.');
  if (last == std::string_view::npos || last == 0) return {};
  const std::size_t before = name.find_last_of(".@", last - 1);
  return before == std::string_view::npos ? name : name.substr(before + 1);
}

bool share_last_labels(std::string_view name, std::string_view sender) {
  const std::string_view one = last_labels(name), other = last_labels(sender);
  return !one.empty() && std::ranges::equal(
                             one, other, {}, [](char c) { return to_lower(c); },
                             [](char c) { return to_lower(c); });
}

}  // namespace

bool use_pools_by_name(const Policy& policy) {
  return (policy.pools == PoolUse::on || policy.pools == PoolUse::name) &&
         (policy.sender_key != SenderKey::none || policy.recipient_key != RecipientKey::none);
}

bool use_pools_by_spf(const Policy& policy) {
  return policy.pools == PoolUse::on || policy.pools == PoolUse::spf;
}

PoolKeeper::PoolKeeper(const Policy& policy, std::optional<NameParents> parents,
                       SenderNetworks* networks, PoolCounters& counters, WaitInPool wait_in_pool)
    : parents_(std::move(parents)),
      pools_by_name_(parents_ && use_pools_by_name(policy)),
      networks_(use_pools_by_spf(policy) ? networks : nullptr),
      counters_(counters),
      wait_in_pool_(std::move(wait_in_pool)) {
  if (networks_ == nullptr) return;
  networks_->tell_learned([this](std::string_view domain, const NetworkSet& known) {
    try {
      learned(domain, known);
    } catch (const std::exception&) {
      ++counters_.dropped;  // there was no memory: without pool
    }
  });
}

PoolKeeper::~PoolKeeper() {
  if (networks_ != nullptr) networks_->tell_learned({});
}

// ---- finding -----------------------------------------------------------------------------------

void PoolKeeper::find(const wire::Query& query, Seconds now, PoolsOfQuery& pools) const {
  pools.clear();
  if (!query.client.has_address()) return;
  if (networks_ != nullptr) {
    std::string& domain = pools[PoolKind::spf];
    take_domain(query.sender, domain);
    const NetworkSet* const known = domain.empty() ? nullptr : networks_->find(domain, now);
    if (known == nullptr || !known->contains(query.client.ip.host())) domain.clear();
  }
  if (pools_by_name_ && !query.client_name.empty() && names_message(query)) {
    pools.name_is_address =
        parents_->take_parent(query.client_name, query.client.ip.host(), pools[PoolKind::name]);
  }
}

bool PoolKeeper::is_host_of_sender(const wire::Query& query) const {
  if (!parents_ || !query.client.has_address()) return false;
  if (!share_last_labels(query.client_name, query.sender)) return false;
  std::string domain;
  take_domain(query.sender, domain);
  return parents_->is_host_of(query.client_name, query.client.ip.host(), domain);
}

// ---- waiting -----------------------------------------------------------------------------------

void PoolKeeper::decided(const wire::Query& query, const Decided& decision, Seconds now) noexcept {
  using wire::Reason;
  // Whatever a dry run answers.
  const bool accepts = verdict_of(decision.reason) == wire::Verdict::accept;
  if (accepts && !decision.pool.empty()) ++counters_.passed;
  if (networks_ == nullptr || query.probe || !query.client.has_address()) return;
  now_ = now;
  const Reason reason = decision.reason;
  const bool waits =
      reason == Reason::new_triplet || reason == Reason::early || reason == Reason::stale;
  const bool uses_networks =
      reason == Reason::reply || decision.pool.starts_with(prefix_of(PoolKind::spf));
  if (!waits && !uses_networks) return;
  try {
    drop_old(now);
    take_domain(query.sender, domain_);
    if (domain_.empty()) return;
    // What is used is asked for again before it is known no more.
    const Ip by = network_of(query.client.ip);
    if (!waits || networks_->find(domain_, now) != nullptr) {
      return networks_->want(domain_, now, by);
    }
    std::size_t size = 0;
    bool any_waits = false;
    for (const std::string_view recipient : query.recipients) {
      if (size++ == kMostOfQuery) break;
      any_waits |= wait(query, recipient, now);
    }
    // Nobody has more domains asked for than he may have triplets wait.
    if (!any_waits) return;
    // Last: who has the answer at once may tell it in this call.
    networks_->want(domain_, now, by);
  } catch (const std::exception&) {
    ++counters_.dropped;
  }
}

// False where it does not, as there is no room for it.
bool PoolKeeper::wait(const wire::Query& query, std::string_view recipient, Seconds now) {
  if (query.sender.size() > kMaxAddress || recipient.size() > kMaxAddress) return false;
  const Ip network = network_of(query.client.ip);
  const auto others = of_domain_.find(domain_);
  const Triplet triplet{query.client.ip, query.sender, recipient};
  if (others != of_domain_.end() && others->second.contains(triplet)) return true;
  const auto of_network = of_network_.find(network);
  const bool full = waiting_.size() >= kMostWaiting ||
                    (others != of_domain_.end() && others->second.size() >= kMostOfDomain) ||
                    (of_network != of_network_.end() && of_network->second >= kMostOfNetwork);
  if (full) {
    ++counters_.dropped;
    return false;
  }
  waiting_.push_back({domain_, std::string(query.sender), std::string(recipient), query.client.ip,
                      query.asker, network, now});
  try {
    of_domain_[domain_].insert(std::prev(waiting_.end()));
    ++of_network_[network];
  } catch (...) {
    const auto of = of_domain_.find(domain_);
    if (of != of_domain_.end()) of->second.erase(std::prev(waiting_.end()));
    if (of != of_domain_.end() && of->second.empty()) of_domain_.erase(of);
    waiting_.pop_back();
    throw;
  }
  return true;
}

void PoolKeeper::sent(std::string_view theirs, Seconds now) noexcept {
  if (networks_ == nullptr) return;
  try {
    take_domain(theirs, domain_);
    if (!domain_.empty()) networks_->want(domain_, now, Ip());
  } catch (const std::exception&) {
    ++counters_.dropped;
  }
}

void PooledDecider::sent(std::span<const wire::Sent> told, Seconds now) {
  decider_.sent(told, now);
  for (const wire::Sent& of : told) {
    if (of.ours.empty()) continue;
    for (const std::string_view theirs : of.theirs) keeper_.sent(theirs, now);
  }
}

void PoolKeeper::drop(Place at) {
  const auto of_domain = of_domain_.find(at->domain);
  of_domain->second.erase(at);
  if (of_domain->second.empty()) of_domain_.erase(of_domain);
  const auto of_network = of_network_.find(at->network);
  if (--of_network->second == 0) of_network_.erase(of_network);
  waiting_.erase(at);
}

void PoolKeeper::drop_old(Seconds now) {
  while (!waiting_.empty()) {
    const Seconds age = now - waiting_.front().since;
    if (age >= 0 && age < kLife) return;
    ++counters_.unlearned;
    drop(waiting_.begin());
  }
}

void PoolKeeper::learned(std::string_view domain, const NetworkSet& networks) {
  const auto found = of_domain_.find(domain);
  if (found == of_domain_.end()) return;
  const Places places = found->second;
  for (const Place at : places) {
    if (networks.contains(at->client.host())) {
      SavedRecord record;
      record.client = at->client;
      record.sender = at->sender;
      record.recipient = at->recipient;
      ++counters_.joined;
      wait_in_pool_(record, Client::of_pool(PoolKind::spf, at->domain), now_, at->asker);
    }
    drop(at);
  }
}

}  // namespace grey

#include "greyd/core/record_filter.h"

#include <algorithm>
#include <array>

#include "greyd/base/text.h"
#include "greyd/core/key.h"

namespace grey {
namespace {

constexpr std::array<std::string_view, kRecordClasses> kStates = {"waiting", "bounce", "trapped",
                                                                  "passed",  "known",  "sent"};

std::string shown(std::string_view text) {
  return to_word(text.substr(0, 100));
}

// A network of IPv6 has no IPv4 in it, as an operator means it.
bool is_in(const Network& network, const Ip& ip) {
  return network.contains(ip) && (network.prefix >= Ip::kV4Bits || !ip.is_v4());
}

}  // namespace

std::string_view state_name(RecordClass record_class) {
  return kStates[std::size_t(record_class)];
}

std::optional<RecordClass> class_named(std::string_view state) {
  const auto* const found = std::find(kStates.begin(), kStates.end(), state);
  if (found == kStates.end()) return std::nullopt;
  return RecordClass(found - kStates.begin());
}

Result<RecordFilter::PatternPtr> RecordFilter::pattern_of(const std::optional<std::string>& text,
                                                          std::string_view what) {
  if (!text) return PatternPtr();
  auto glob = Glob::parse(*text);
  if (!glob) {
    return misuse(std::string(what) + ": a pattern has at most " + std::to_string(Glob::kMaxParts) +
                  " octets besides its stars");
  }
  return std::make_shared<Pattern>(Pattern{*glob, std::nullopt});
}

Result<void> RecordFilter::take_client(std::string_view text) {
  const std::string folded = to_lower(text);
  if (const auto pool = Client::parse_pool(folded)) {
    name_ = std::string(*pool->name);
    pool_ = pool->pool;
  } else if (const auto network = read_network(text)) {
    network_ = Network{network->address.network(network->prefix), network->prefix};
  } else if (const auto address = Ip::parse_client(text)) {
    network_ = Network{*address, 128};
  } else if (text.empty() || NetworkSet::is_meant(text)) {
    return misuse("client: not an address or a network: " + shown(text));
  } else {
    name_ = std::string(text);
  }
  return {};
}

// An address that is written out is also what it is stored as.
void RecordFilter::take_keys(const Wanted& wanted, const Policy& policy) {
  const auto is_whole = [](const std::optional<std::string>& text) {
    return text && text->find_first_of("*?") == std::string::npos;
  };
  KeyBuilder keys(policy);
  keys.envelope(Ip(), is_whole(wanted.sender) ? *wanted.sender : "");
  const auto key = keys.triplet(is_whole(wanted.recipient) ? *wanted.recipient : "");
  const auto parts = split_key(key);
  if (!parts) return;
  if (is_whole(wanted.sender)) sender_->stored_as = std::string(parts->sender);
  if (is_whole(wanted.recipient)) recipient_->stored_as = std::string(parts->recipient);
}

Result<RecordFilter> RecordFilter::of(const Wanted& wanted, const Policy& policy, Of what) {
  if (what == Of::records && wanted.sender && policy.sender_key == SenderKey::none) {
    return misuse("sender: this policy keeps none (sender-key none)");
  }
  if (what == Of::records && wanted.recipient && policy.recipient_key == RecipientKey::none) {
    return misuse("recipient: this policy keeps none (recipient-key none)");
  }
  RecordFilter filter;
  if (wanted.client) {
    if (auto good = filter.take_client(*wanted.client); !good) {
      return tl::make_unexpected(good.error());
    }
    if (filter.network_) {
      const Ip& address = filter.network_->address;
      filter.stored_network_ = policy.clients_are_whole()
                                   ? address
                                   : address.client_network(policy.ipv4_prefix, policy.ipv6_prefix);
    }
  }
  auto sender = pattern_of(wanted.sender, "sender");
  if (!sender) return tl::make_unexpected(sender.error());
  filter.sender_ = std::move(*sender);
  auto recipient = pattern_of(wanted.recipient, "recipient");
  if (!recipient) return tl::make_unexpected(recipient.error());
  filter.recipient_ = std::move(*recipient);
  filter.take_keys(wanted, policy);
  if (wanted.state) {
    const auto at = std::find(kStates.begin(), kStates.end(), *wanted.state);
    if (at == kStates.end()) {
      return misuse("state: one of waiting, bounce, trapped, passed, known, sent, not " +
                    shown(*wanted.state));
    }
    filter.record_class_ = RecordClass(at - kStates.begin());
  }
  filter.since_ = wanted.since;
  return filter;
}

bool RecordFilter::matches(const SavedRecord& record) const {
  if (record_class_ && record.record_class != *record_class_) return false;
  if (since_ && record.seen < *since_) return false;
  if (network_) {
    if (!record.client.has_address()) return false;
    const Ip& ip = record.client.ip;
    if (ip != stored_network_ && !is_in(*network_, ip)) return false;
  }
  if (name_ && record.client != named()) return false;
  if (!sender_ && !recipient_) return true;
  if (is_of_client(record.record_class)) return false;
  return fits_sender(record.sender) && (!recipient_ || recipient_->fits_stored(record.recipient));
}

bool RecordFilter::matches(const wire::Query& query, std::string_view pool) const {
  if (network_ && !(query.client.has_address() && is_in(*network_, query.client.ip))) {
    return false;
  }
  if (pool_ && pool != to_string(named())) return false;
  if (name_ && !pool_ && query.client != named()) return false;
  if (sender_ && !sender_->fits(query.sender)) return false;
  if (!recipient_) return true;
  return std::any_of(query.recipients.begin(), query.recipients.end(),
                     [&](std::string_view recipient) { return recipient_->fits(recipient); });
}

}  // namespace grey

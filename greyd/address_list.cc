#include "greyd/address_list.h"

#include <algorithm>

#include "greyd/text.h"

namespace grey {
namespace {

bool is_label(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// "host.example.com", and with a dot before it for all hosts below.
bool is_host_name(std::string_view name) {
  if (name.size() > 255 || name.find('.') == std::string_view::npos) return false;
  if (name.starts_with('.')) name.remove_prefix(1);
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

}  // namespace

Result<AddressList> AddressList::parse(std::string_view text, std::string_view name) {
  AddressList list;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    if (!list.add(line)) {
      std::string message(name);
      message.append(":").append(std::to_string(line_number)).append(": not an address, network, ");
      message.append("host name, sender or to:recipient: ");
      append_word(message, line.substr(0, 100));
      return failure(std::move(message));
    }
    ++list.entries_;
  }
  list.clients_.build();
  return list;
}

bool AddressList::add(std::string_view entry) {
  if (entry.find_first_of(" \t") != std::string_view::npos) return false;
  if (to_lower(entry.substr(0, 3)) == "to:") return add_mailbox(recipients_, entry.substr(3));
  if (entry.find('@') != std::string_view::npos) return add_mailbox(senders_, entry);
  if (NetworkSet::is_meant(entry)) return clients_.add(entry);
  if (!is_host_name(entry)) return false;
  names_.insert(to_lower(entry));
  return true;
}

bool AddressList::add_mailbox(TextSet& set, std::string_view entry) {
  if (entry.starts_with("*@")) entry.remove_prefix(1);  // as many would write "@example.com"
  const std::size_t at = entry.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::string_view domain = entry.substr(at + 1);
  const bool literal = domain.starts_with('[') && domain.ends_with(']');
  if (!literal && !is_host_name(domain) && !is_label(domain)) return false;
  // "From:a@b", "<a@b>", "a@b,c@d": an address with such characters would have to be quoted.
  if (entry.find_first_of(":<>,;@") < at && !entry.starts_with('"')) return false;
  set.insert(to_lower(entry));
  return true;
}

bool AddressList::has_client(const Ip& ip) const {
  if (has_address(ip)) return true;
  const std::optional<Ip> host = ip.translated();
  return host && has_address(*host);
}

bool AddressList::has_address(const Ip& ip) const {
  if (clients_.contains(ip)) return true;
  if (lookup_ == nullptr) return false;
  for (const unsigned prefix : lookup_->prefixes()) {
    if (ip.is_v4() && prefix < Ip::kV4Bits) continue;
    if (lookup_->contains(to_string(Network{ip.network(prefix), prefix}))) return true;
  }
  return false;
}

bool AddressList::has_client_name(std::string_view name) const {
  if ((names_.empty() && lookup_ == nullptr) || name.empty() || name.size() > 255) return false;
  // Whoever asks may send any text for a name; the lookup has other keys than names, too.
  if (!is_host_name(name)) return false;
  const std::string lower = to_lower(name);
  const auto has = [&](std::string_view key) {
    return names_.contains(key) || (lookup_ != nullptr && lookup_->contains(key));
  };
  if (has(lower)) return true;
  for (std::size_t dot = lower.find('.'); dot != std::string::npos;
       dot = lower.find('.', dot + 1)) {
    if (dot > 0 && has(std::string_view(lower).substr(dot))) return true;
  }
  return false;
}

// `prefix`: what the keys of the lookup have before the address.
bool AddressList::has_mailbox(const TextSet& set, std::string_view prefix,
                              std::string_view address) const {
  const std::size_t at = address.rfind('@');
  if ((set.empty() && lookup_ == nullptr) || at == std::string_view::npos) return false;
  const std::string lower = to_lower(address);
  const std::string_view domain = std::string_view(lower).substr(at);
  if (set.contains(lower) || set.contains(domain)) return true;
  if (lookup_ == nullptr) return false;
  std::string key(prefix);
  if (lookup_->contains(key.append(lower))) return true;
  return lookup_->contains(key.assign(prefix).append(domain));
}

bool AddressList::has_sender(std::string_view sender) const {
  return has_mailbox(senders_, "from:", sender);
}

bool AddressList::has_recipient(std::string_view recipient) const {
  return has_mailbox(recipients_, "to:", recipient);
}

}  // namespace grey

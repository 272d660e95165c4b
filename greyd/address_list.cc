#include "greyd/address_list.h"

#include <algorithm>

#include "greyd/domain_name.h"
#include "greyd/mailbox.h"
#include "greyd/text.h"

namespace grey {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// A '#' in the quotes of a local part is part of it.
std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (quoted && line[i] == '\\') ++i;
    if (!quoted && line[i] == '#') return line.substr(0, i);
  }
  return line;
}

}  // namespace

Result<AddressList> AddressList::parse(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // as some editors begin a file
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  AddressList list;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = text.find('\n');
    const std::string_view whole = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view line = trim(without_comment(whole));
    // Other line ends or another encoding: what seems to be one line, or one comment, is many.
    const bool strange = whole.find_first_of(std::string_view("\r\0", 2)) != whole.npos;
    if (line.empty() && !strange) continue;
    if (strange || !list.add(line)) {
      std::string message(name);
      message.append(":").append(std::to_string(line_number)).append(": not an address, network, ");
      message.append("host name, sender or to:recipient: ");
      append_word(message, (strange ? whole : line).substr(0, 100));
      return failure(std::move(message));
    }
    ++list.entries_;
  }
  list.clients_.build();
  return list;
}

bool AddressList::add(std::string_view entry) {
  if (to_lower(entry.substr(0, 3)) == "to:") return add_mailbox(recipients_, entry.substr(3));
  if (entry.find('@') != std::string_view::npos) return add_mailbox(senders_, entry);
  if (NetworkSet::is_meant(entry)) return clients_.add(entry);
  if (entry.starts_with("*.")) entry.remove_prefix(1);  // as many would write ".example.com"
  auto names = read_domain(entry);
  for (std::string& name : names) {
    if (name.find('.') == std::string::npos || name.starts_with('[')) return false;
    names_.insert(std::move(name));
  }
  return !names.empty();
}

bool AddressList::add_mailbox(TextSet& set, std::string_view entry) {
  auto keys = read_mailbox(entry);
  for (std::string& key : keys) {
    const std::string_view domain = std::string_view(key).substr(key.rfind('@') + 1);
    if (domain.starts_with('.')) {
      const auto labels = std::size_t(std::ranges::count(domain, '.'));
      domain_labels_ = std::max(domain_labels_, labels);
    }
    set.insert(std::move(key));
  }
  return !keys.empty();
}

void AddressList::add_lookup(std::shared_ptr<const EntryLookup> lookup) {
  lookup_ = std::move(lookup);
  domain_labels_ = std::max(domain_labels_, lookup_->domain_labels());
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
  if ((names_.empty() && lookup_ == nullptr) || name.empty() || name.size() > kMaxDomain + 1) {
    return false;  // the one octet: a dot at the end
  }
  // Whoever asks may send any text for a name; the lookup has other keys than names, too.
  const std::string folded = fold_domain(name);
  if (!is_domain_name(folded)) return false;
  const auto has = [&](std::string_view key) {
    return names_.contains(key) || (lookup_ != nullptr && lookup_->contains(key));
  };
  std::size_t dot = folded.find('.');
  if (dot == std::string::npos) return false;
  if (has(folded)) return true;
  for (; dot != std::string::npos; dot = folded.find('.', dot + 1)) {
    if (has(std::string_view(folded).substr(dot))) return true;
  }
  return false;
}

// `prefix`: what the keys of the lookup have before the address.
bool AddressList::has_mailbox(const TextSet& set, std::string_view prefix,
                              std::string_view address) const {
  if ((set.empty() && lookup_ == nullptr) || address.empty()) return false;
  const Mailbox mailbox = fold_mailbox(address);
  std::string lookup_key;
  const auto has = [&](std::string_view key) {
    if (set.contains(key)) return true;
    return lookup_ != nullptr && lookup_->contains(lookup_key.assign(prefix).append(key));
  };
  const std::string_view text = mailbox.text, domain = mailbox.domain();
  if (has(text) || has(text.substr(0, mailbox.at + 1))) return true;
  if (domain.empty()) return false;
  if (has(text.substr(mailbox.at))) return true;

  // The domains that this one is below, the shortest first, as far as the entries go.
  std::string key;
  std::size_t dot = domain.size();
  for (std::size_t labels = domain_labels_; labels > 0 && dot > 0; --labels) {
    dot = domain.rfind('.', dot - 1);
    if (dot == std::string_view::npos || dot == 0 || domain.size() - dot > kMaxMailbox) break;
    key.assign(1, '@').append(domain.substr(dot));
    if (has(key) || has(key.insert(0, mailbox.local()))) return true;
  }
  return false;
}

bool AddressList::has_sender(std::string_view sender) const {
  return has_mailbox(senders_, "from:", sender);
}

bool AddressList::has_recipient(std::string_view recipient) const {
  return has_mailbox(recipients_, "to:", recipient);
}

}  // namespace grey

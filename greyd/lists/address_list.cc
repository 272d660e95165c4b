#include "greyd/lists/address_list.h"

#include <algorithm>

#include "greyd/base/text.h"
#include "greyd/lists/domain_name.h"
#include "greyd/lists/list_lines.h"
#include "greyd/lists/mailbox.h"

namespace grey {
namespace {

constexpr std::size_t kMostWarnings = 10;
constexpr std::size_t kManyRanges = 1024;  // of one entry; each takes some tens of octets

Matched key_of(const std::string& file, std::string_view key) {
  return {std::make_shared<const Matched::Place>(Matched::Place{file, std::string(key)}), 0};
}

// How a line is named before what is wrong with it.
std::string place(const Matched& line) {
  return line.file() + ":" + std::to_string(line.line) + ": ";
}

}  // namespace

Result<AddressList> AddressList::parse(std::string_view text, std::string_view name) {
  const ListText only{text, std::string(name)};
  return parse({&only, 1});
}

Result<AddressList> AddressList::parse(std::span<const ListText> texts) {
  AddressList list;
  for (const ListText& text : texts) {
    if (auto good = list.read(text); !good) return tl::make_unexpected(good.error());
  }
  list.clients_.build();
  list.learned_.build();
  list.warn_of_all();
  return list;
}

Result<void> AddressList::read(const ListText& text) {
  const std::uint32_t before = lines_;
  sources_.push_back(
      {std::make_shared<const Matched::Place>(Matched::Place{text.name, {}}), before});
  ListLines lines(text.text);
  while (const auto line = lines.next()) {
    lines_ = before + line->number;
    if (line->strange || !add(line->text, lines_)) {
      std::string message = place(at(lines_));
      message +=
          "not an address, network, host name, sender, to:recipient, trap:recipient or "
          "spf:domain: ";
      append_word(message, line->text.substr(0, 100));
      return failure(std::move(message));
    }
    ++entries_;
  }
  lines_ = before + lines.lines();
  return {};
}

bool AddressList::add_domain(std::string_view entry, std::uint32_t line) {
  std::string domain = read_dns_domain(entry);
  if (domain.empty()) return false;
  domains_.try_emplace(std::move(domain), line);
  return true;
}

void AddressList::learn(const DomainNetworks& networks_of) {
  NetworkSet learned;
  for (const auto& [domain, line] : domains_) {
    const std::vector<Network>* const networks = networks_of(domain);
    if (networks == nullptr) continue;
    for (const Network& network : *networks) learned.add(network, line);
  }
  learned.build();
  learned_ = std::move(learned);
}

bool AddressList::add(std::string_view entry, std::uint32_t line) {
  if (to_lower(entry.substr(0, 4)) == "spf:") return add_domain(entry.substr(4), line);
  if (to_lower(entry.substr(0, 3)) == "to:") return add_mailbox(recipients_, entry.substr(3), line);
  if (to_lower(entry.substr(0, 5)) == "trap:") return add_mailbox(traps_, entry.substr(5), line);
  if (entry.find('@') != std::string_view::npos) return add_mailbox(senders_, entry, line);
  if (NetworkSet::is_meant(entry)) {
    if (!clients_.add(entry, line)) return false;
    warn_of_host_bits(entry, line);
    warn_of_ranges(entry, line);
    return true;
  }
  const bool starred = entry.starts_with("*.");  // as many would write ".example.com"
  if (starred) entry.remove_prefix(1);
  auto names = read_domain(entry);
  for (std::string& name : names) {
    if (name.find('.') == std::string::npos || name.starts_with('[')) return false;
    names_.try_emplace(std::move(name), line);
  }
  if (starred && !names.empty()) {
    std::string text;
    append_word(text, entry);
    warn(line, "*" + text + " is taken as " + text);
  }
  return !names.empty();
}

bool AddressList::add_mailbox(Entries& entries, std::string_view entry, std::uint32_t line) {
  auto keys = read_mailbox(entry);
  for (std::string& key : keys) {
    const std::string_view domain = std::string_view(key).substr(key.rfind('@') + 1);
    if (domain.starts_with('.')) {
      const auto labels = std::size_t(std::ranges::count(domain, '.'));
      domain_labels_ = std::max(domain_labels_, labels);
    }
    entries.try_emplace(std::move(key), line);
  }
  return !keys.empty();
}

void AddressList::warn(std::uint32_t line, std::string text) {
  if (warnings_.size() < kMostWarnings) {
    warnings_.push_back({line, std::move(text)});
  } else {
    ++more_warnings_;
  }
}

void AddressList::warn_of_host_bits(std::string_view entry, std::uint32_t line) {
  if (entry.find('/') == std::string_view::npos) return;
  const auto written = read_network(entry);
  if (!written) return;
  const Network network{written->address.network(written->prefix), written->prefix};
  if (network.address == written->address) return;
  warn(line, std::string(entry) + " is taken as " + to_string(network));
}

// It costs memory, and time at each reload, by what it stands for.
void AddressList::warn_of_ranges(std::string_view entry, std::uint32_t line) {
  if (entry.find_first_of("*?-") == std::string_view::npos) return;
  const std::size_t ranges = NetworkSet::ranges_of(entry);
  if (ranges <= kManyRanges) return;
  warn(line, std::string(entry) + " stands for " + std::to_string(ranges) +
                 " ranges of addresses, with what they take of memory");
}

// The heaviest mistake, so it has a place of its own among the few.
void AddressList::warn_of_all() {
  const auto warn_first = [&](const Ip& any, const char* text) {
    warnings_.insert(warnings_.begin(), {clients_.line_of(any), text});
  };
  if (clients_.is_all_of_v6()) warn_first(Ip(), "names every IPv6 client");
  if (clients_.is_all_of_v4()) warn_first(Ip::from_v4(0), "names every IPv4 client");
}

std::vector<std::string> AddressList::warnings() const {
  std::vector<std::string> texts;
  for (const Warning& warning : warnings_) texts.push_back(place(at(warning.line)) + warning.text);
  if (more_warnings_ > 0) {
    texts.push_back(sources_.front().place->file + ": " + std::to_string(more_warnings_) +
                    " more lines that are hardly meant so");
  }
  return texts;
}

void AddressList::add_lookup(std::shared_ptr<const EntryLookup> lookup, std::string_view name) {
  domain_labels_ = std::max(domain_labels_, lookup->domain_labels());
  lookups_.push_back({std::move(lookup), std::string(name)});
}

std::vector<std::string> AddressList::files() const {
  std::vector<std::string> names;
  for (const Source& source : sources_) names.push_back(source.place->file);
  for (const Lookup& lookup : lookups_) names.push_back(lookup.name);
  return names;
}

// REQUIRES: `line` is one of a text's.
Matched AddressList::at(std::uint32_t line) const {
  std::size_t i = sources_.size() - 1;
  while (i > 0 && sources_[i].lines_before >= line) --i;
  return {sources_[i].place, line - sources_[i].lines_before};
}

Matched AddressList::look_up(std::string_view key) const {
  for (const Lookup& lookup : lookups_) {
    if (lookup.keys->contains(key)) return key_of(lookup.name, key);
  }
  return {};
}

bool AddressList::has_client(const Ip& ip) const {
  if (has_address(ip)) return true;
  const std::optional<Ip> host = ip.translated();
  return host && has_address(*host);
}

bool AddressList::has_address(const Ip& ip) const {
  return clients_.contains(ip) || learned_.contains(ip) ||
         (!lookups_.empty() && look_up_address(ip));
}

Matched AddressList::find_client(const Ip& ip) const {
  for (const Ip& address : {ip, ip.translated().value_or(ip)}) {
    if (clients_.contains(address)) return at(clients_.line_of(address));
    if (learned_.contains(address)) return at(learned_.line_of(address));
    if (Matched found = look_up_address(address)) return found;
  }
  return {};
}

Matched AddressList::look_up_address(const Ip& ip) const {
  for (const Lookup& lookup : lookups_) {
    for (const unsigned prefix : lookup.keys->prefixes()) {
      if (ip.is_v4() && prefix < Ip::kV4Bits) continue;
      const std::string key = to_string(Network{ip.network(prefix), prefix});
      if (lookup.keys->contains(key)) return key_of(lookup.name, key);
    }
  }
  return {};
}

Matched AddressList::find_name(std::string_view name) const {
  if (name.size() > kMaxDomain + 1) return {};  // the one octet: a dot at the end
  // Whoever asks may send any text for a name; the lookups have other keys than names, too.
  const std::string folded = fold_domain(name);
  if (!is_domain_name(folded)) return {};
  const auto find = [&](std::string_view key) {
    const auto entry = names_.find(key);
    return entry != names_.end() ? at(entry->second) : look_up(key);
  };
  std::size_t dot = folded.find('.');
  if (dot == std::string::npos) return {};
  if (auto found = find(folded)) return found;
  for (; dot != std::string::npos; dot = folded.find('.', dot + 1)) {
    if (auto found = find(std::string_view(folded).substr(dot))) return found;
  }
  return {};
}

// `prefix`: what the keys of the lookups have before the address.
Matched AddressList::find_mailbox(const Entries& entries, std::string_view prefix,
                                  std::string_view address) const {
  const Mailbox mailbox = fold_mailbox(address);
  std::string lookup_key;
  const auto find = [&](std::string_view key) -> Matched {
    if (const auto entry = entries.find(key); entry != entries.end()) return at(entry->second);
    if (lookups_.empty()) return {};
    return look_up(lookup_key.assign(prefix).append(key));
  };
  const std::string_view text = mailbox.text, domain = mailbox.domain();
  if (auto found = find(text)) return found;
  if (auto found = find(text.substr(0, mailbox.at + 1))) return found;
  if (domain.empty()) return {};
  if (auto found = find(text.substr(mailbox.at))) return found;

  // The domains that this one is below, the shortest first, as far as the entries go.
  std::string key;
  std::size_t dot = domain.size();
  for (std::size_t labels = domain_labels_; labels > 0 && dot > 0; --labels) {
    dot = domain.rfind('.', dot - 1);
    if (dot == std::string_view::npos || dot == 0 || domain.size() - dot > kMaxMailbox) break;
    key.assign(1, '@').append(domain.substr(dot));
    if (auto found = find(key)) return found;
    if (auto found = find(key.insert(0, mailbox.local()))) return found;
  }
  return {};
}

}  // namespace grey

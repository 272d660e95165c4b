#include "greyd/core/entries.h"

#include <algorithm>
#include <utility>

#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr std::size_t kMaxText = 512;  // octets of an entry
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Whether `there` does, see merge().
bool stands(const Entry& there, const Entry& entry) {
  const bool same_kind = there.kind == entry.kind;
  if (there.since >= entry.since || (same_kind && there.until == entry.until)) return true;
  const bool lasts = !there.until || (entry.until && *there.until >= *entry.until);
  return there.by != entry.by && (!same_kind || lasts);
}

// Of kMax. Entries of one key count the same.
std::size_t count_of(const Entry& entry) {
  return std::max<std::size_t>(1, NetworkSet::ranges_of(entry.text));
}

}  // namespace

Result<std::string> Entries::key_of(std::string_view of) {
  const std::string_view text = trimmed(of);
  // What a list's text passes over is no part of an entry: it would be none in another's middle.
  if (text.find_first_of("\n#") != std::string_view::npos || text.starts_with(kByteOrderMark) ||
      text.size() > kMaxText) {
    return misuse(to_word(text.substr(0, 100)) + " is no entry of a list");
  }
  const std::size_t ranges = NetworkSet::ranges_of(text);
  if (ranges > kMaxRanges) {
    return misuse(to_word(text) + " stands for more than " + std::to_string(kMaxRanges) +
                  " ranges of addresses: only a list's file may have it");
  }
  if (ranges > 1) return NetworkSet::pattern_key(text) + ' ';
  const auto list = AddressList::parse(text, "");
  if (!list) {
    // ":1: what is wrong"
    return misuse(list.error().text.substr(std::string_view(":1: ").size()));
  }
  if (list->entries() != 1) return misuse("an entry is wanted, as a list has it");
  std::vector<std::string> keys;
  list->for_each_key([&](const std::string& key) { keys.push_back(key); });
  list->for_each_domain([&](const std::string& domain) { keys.push_back("spf:" + domain); });
  std::sort(keys.begin(), keys.end());
  std::string key;
  for (const std::string& part : keys) key += part + ' ';
  return key;
}

Result<void> Entries::put(Entry entry) {
  auto key = key_of(entry.text);
  if (!key) return tl::make_unexpected(key.error());
  return put(std::move(*key), std::move(entry));
}

Result<void> Entries::put(std::string key, Entry entry) {
  if (entry.kind == Entry::Kind::allow && key.starts_with("trap:")) {
    return misuse(to_word(trimmed(entry.text)) + ": a trap belongs on the blacklist");
  }
  entry.text = std::string(trimmed(entry.text));
  if (entry.by.size() > kMaxBy) entry.by.resize(kMaxBy);
  const auto there = entries_.find(key);
  if (there != entries_.end()) {
    there->second = std::move(entry);
    return {};
  }
  const std::size_t more = count_of(entry);
  if (counted_ + more > kMax) {
    return failure("there are " + std::to_string(counted_) + " entries already, " +
                   (more == 1 ? "and no more can be"
                              : "of " + std::to_string(kMax) + " that there can be, and " +
                                    to_word(entry.text) + " counts as " + std::to_string(more)));
  }
  entries_.emplace(std::move(key), std::move(entry));
  counted_ += more;
  return {};
}

Result<bool> Entries::merge(Entry entry) {
  auto key = key_of(entry.text);
  if (!key) return tl::make_unexpected(key.error());
  const auto there = entries_.find(*key);
  if (there != entries_.end() && stands(there->second, entry)) return false;
  if (auto taken = put(std::move(*key), std::move(entry)); !taken) {
    return tl::make_unexpected(taken.error());
  }
  return true;
}

Result<bool> Entries::remove(std::string_view text) {
  const auto key = key_of(text);
  if (!key) return tl::make_unexpected(key.error());
  const auto there = entries_.find(*key);
  if (there == entries_.end()) return false;
  counted_ -= count_of(there->second);
  entries_.erase(there);
  return true;
}

const Entry* Entries::find(std::string_view text) const {
  const auto key = key_of(text);
  if (!key) return nullptr;
  const auto there = entries_.find(*key);
  return there == entries_.end() ? nullptr : &there->second;
}

std::size_t Entries::expire(Seconds now) {
  return std::erase_if(entries_, [&](const auto& item) {
    if (!item.second.is_over(now)) return false;
    counted_ -= count_of(item.second);
    return true;
  });
}

std::optional<Seconds> Entries::next_end() const {
  std::optional<Seconds> next;
  for (const auto& [key, entry] : entries_) {
    if (entry.until && (!next || *entry.until < *next)) next = entry.until;
  }
  return next;
}

Entries::List Entries::list(Entry::Kind kind, const std::string& file) const {
  List result;
  std::string text;
  for (const auto& [key, entry] : entries_) {
    if (entry.kind != kind) continue;
    text += entry.text + '\n';
    result.lines.push_back(entry);
  }
  if (text.empty()) return result;
  auto list = AddressList::parse(text, file);
  if (list) result.list = std::move(*list);  // each line has been read once
  return result;
}

}  // namespace grey

#include "greyd/report/tally.h"

#include <algorithm>

namespace grey::report {

std::uint64_t hash_of(std::string_view text, const HashKey& key, std::uint64_t seed) {
  HashKey mixed = key;
  for (std::size_t i = 0; i < sizeof seed; ++i) mixed[i] ^= std::uint8_t(seed >> (8 * i));
  return keyed_hash(mixed, text);
}

HashCounts::Slot& HashCounts::add(std::uint64_t hash) {
  if ((used_ + 1) * 7 > slots_.size() * 6) grow();
  Slot& slot = slot_of(hash);
  if (slot.count == 0) ++used_;
  if (slot.count < UINT32_MAX) ++slot.count;
  return slot;
}

// Where the hash is, or will be. There is a free one: add() sees to it.
HashCounts::Slot& HashCounts::slot_of(std::uint64_t hash) {
  // The hash as a fraction, of so many slots: their number need not be a power of two.
  __extension__ using Wide = unsigned __int128;
  auto at = std::size_t(Wide(hash) * slots_.size() >> 64);
  while (slots_[at].count != 0 && slots_[at].hash != hash) {
    if (++at == slots_.size()) at = 0;
  }
  slots_[at].hash = hash;
  return slots_[at];
}

void HashCounts::grow() {
  std::vector<Slot> before(std::max(slots_.size() + slots_.size() / 2, kLeast));
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.count != 0) slot_of(slot.hash) = slot;
  }
}

void Tally::add(std::string_view name) {
  HashCounts::Slot& slot = counts_.add(hash_of(name, key_));
  if (slot.note == 0 && (slot.count > 1 || counts_.size() <= kTextAtOnce)) keep_text(slot, name);
}

void Tally::keep_text(HashCounts::Slot& slot, std::string_view name) {
  name = name.substr(0, kMostText);
  if (texts_.size() + 1 + name.size() > UINT32_MAX) return;
  slot.note = std::uint32_t(texts_.size());
  texts_ += char(name.size());
  texts_ += name;
}

std::string_view Tally::text_of(const HashCounts::Slot& slot) const {
  return std::string_view(texts_).substr(slot.note + 1, std::uint8_t(texts_[slot.note]));
}

Ranking Tally::ranking(std::size_t most) const {
  std::vector<const HashCounts::Slot*> named;
  for (const HashCounts::Slot& slot : counts_.slots()) {
    if (slot.note != 0) named.push_back(&slot);
  }
  const auto is_before = [this](const auto* one, const auto* other) {
    if (one->count != other->count) return one->count > other->count;
    return text_of(*one) < text_of(*other);
  };
  const std::size_t count = std::min(most, named.size());
  std::partial_sort(named.begin(), named.begin() + std::ptrdiff_t(count), named.end(), is_before);
  Ranking ranking{{}, counts_.size()};
  for (std::size_t i = 0; i < count; ++i) {
    ranking.first.push_back({std::string(text_of(*named[i])), named[i]->count});
  }
  return ranking;
}

}  // namespace grey::report

#include "greyd/core/knowledge.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "greyd/base/append.h"

namespace grey {
namespace {

bool lives(RecordClass record_class, Seconds seen, const Terms& terms, Seconds now) {
  return seen != 0 && !rules::is_over({record_class, seen, 0}, terms, now);
}

// What was seen by a clock that was ahead was seen now: it must not be remembered for longer than
// others are.
rules::Stored state(RecordClass record_class, Seconds seen, Seconds now, unsigned passes = 0) {
  if (seen > now + kMostAhead) seen = now;
  return RecordState{record_class, seen, std::uint8_t(std::min(passes, 255u))};
}

// The first attempt that counts, of those after `floor`; 0: none.
Seconds first_after(Seconds floor, const TripletKnowledge& known, const Terms& terms, Seconds now) {
  const auto counts = [&](Seconds at) { return at > floor && at <= now + kMostAhead; };
  const Seconds latest = counts(known.latest) ? known.latest : 0;
  if (!counts(known.first)) return latest;
  // Whoever had known of the first would have found the latest to be stale, and begun anew.
  const bool begun_anew =
      latest != 0 && rules::retry_at(latest - known.first, terms) == rules::Retry::stale;
  return begun_anew ? latest : known.first;
}

}  // namespace

TripletKnowledge triplet_knowledge(const RecordState& record, const Terms& terms, Seconds now) {
  if (!lives(record.record_class, record.seen, terms, now)) return {};
  switch (record.record_class) {
    case RecordClass::waiting:
      return {record.seen, record.seen, 0, 0};
    case RecordClass::passed:
    case RecordClass::sent:  // of another key
      return {0, 0, record.seen, 0};
    case RecordClass::bounce:
      return {0, 0, 0, record.seen};
    case RecordClass::trapped:
    case RecordClass::client:
      break;
  }
  return {};
}

ClientKnowledge client_knowledge(const RecordState& record, const Terms& terms, Seconds now) {
  if (record.record_class != RecordClass::client)
    return {};  // what a trap has caught is told nobody
  if (!lives(record.record_class, record.seen, terms, now)) return {};
  return {record.seen, record.passes};
}

rules::Stored meaning(const TripletKnowledge& known, Seconds forgotten, const Terms& terms,
                      Seconds now) {
  if (known.passed > forgotten && lives(RecordClass::passed, known.passed, terms, now)) {
    return state(RecordClass::passed, known.passed, now);
  }
  if (known.bounced > forgotten && lives(RecordClass::bounce, known.bounced, terms, now)) {
    return state(RecordClass::bounce, known.bounced, now);
  }
  // What waited before it passed has ended with that.
  const Seconds floor = std::max({forgotten, known.passed, known.bounced});
  const Seconds first = first_after(floor, known, terms, now);
  if (!lives(RecordClass::waiting, first, terms, now)) return {};
  return state(RecordClass::waiting, first, now);
}

rules::Stored sent_meaning(const TripletKnowledge& known, Seconds forgotten, const Terms& terms,
                           Seconds now) {
  if (known.passed <= forgotten || !lives(RecordClass::sent, known.passed, terms, now)) return {};
  return state(RecordClass::sent, known.passed, now);
}

rules::Stored meaning(const ClientKnowledge& known, Seconds forgotten, const Terms& terms,
                      Seconds now) {
  if (known.seen <= forgotten || !lives(RecordClass::client, known.seen, terms, now)) return {};
  return state(RecordClass::client, known.seen, now, known.passes);
}

// ---- as text -----------------------------------------------------------------------------------

namespace {

template <std::size_t size>
std::string join_text(const std::array<Seconds, size>& parts) {
  std::string text;
  std::size_t separators = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (parts[i] == 0) continue;
    for (; separators < i; ++separators) text += ':';
    append_number(text, parts[i]);
  }
  return text;
}

// As join_text() writes it, and no otherwise: nothing for signs, zeros in front, or ':' at the end.
template <std::size_t size>
std::optional<std::array<Seconds, size>> split_text(std::string_view text) {
  std::array<Seconds, size> parts{};
  const std::string_view whole = text;
  for (std::size_t i = 0; i < size && !text.empty(); ++i) {
    const std::size_t end = text.find(':');
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (part.empty()) continue;
    const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), parts[i]);
    if (error != std::errc() || last != part.data() + part.size()) return std::nullopt;
    if (parts[i] <= 0 || parts[i] > Seconds{UINT32_MAX}) return std::nullopt;
  }
  if (join_text(parts) != whole) return std::nullopt;
  return parts;
}

}  // namespace

std::string to_text(const TripletKnowledge& known) {
  return join_text(std::array<Seconds, 4>{
      known.first, known.latest == known.first ? 0 : known.latest, known.passed, known.bounced});
}

std::string to_text(const ClientKnowledge& known) {
  return join_text(std::array<Seconds, 2>{known.seen, Seconds(known.passes)});
}

std::optional<TripletKnowledge> read_triplet_knowledge(std::string_view text) {
  const auto parts = split_text<4>(text);
  if (!parts) return std::nullopt;
  const auto& [first, latest, passed, bounced] = *parts;
  const TripletKnowledge known{first, latest == 0 ? first : latest, passed, bounced};
  if (known.latest < known.first || (known.first == 0 && known.latest != 0)) return std::nullopt;
  if (to_text(known) != text) return std::nullopt;  // `latest` that is `first`
  return known;
}

std::optional<ClientKnowledge> read_client_knowledge(std::string_view text) {
  const auto parts = split_text<2>(text);
  if (!parts || (*parts)[1] > 255) return std::nullopt;
  return ClientKnowledge{(*parts)[0], unsigned((*parts)[1])};
}

}  // namespace grey

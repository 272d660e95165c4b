// An answer's octets, as a table: what they are, in their order, and who sends them.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "smtpd-glue/libgreylist/additions.h"

namespace grey::glue {

enum class Sent : unsigned char {
  by_all,          // every daemon
  by_most,         // every daemon but the oldest, whose answers end before it
  when_known,      // who knows our additions, and has it and all such parts before it
  with_additions,  // who knows our additions, always: so an answer's size tells what is in it
};

// The size of the whole tells how many octets one has whose size varies.
struct AnswerPart {
  std::size_t least, most;  // octets
  Sent sent;
};

// Indices of kAnswerParts.
enum AnswerPartName { kVerdict, kReason, kWait, kText, kTag };
constexpr AnswerPart kAnswerParts[] = {
    {1, 1, Sent::by_all},                              // a wire::Verdict
    {1, 1, Sent::by_most},                             // why
    {4, 4, Sent::when_known},                          // seconds until a retry is accepted
    {1, wire::kMaxText, Sent::when_known},             // what a rule says to who must wait
    {sizeof(Tag), sizeof(Tag), Sent::with_additions},  // the query's
};

constexpr bool is_bare(Sent sent) {
  return sent == Sent::by_all || sent == Sent::by_most;
}

// Whether the size of an answer tells what is in it: one part at most varies in size, and it is the
// last of those that may be there or not.
template <std::size_t N>
constexpr bool is_well_formed(const AnswerPart (&parts)[N]) {
  bool ended = false;
  for (const AnswerPart& part : parts) {
    const bool varies = part.least != part.most, is_optional = part.sent == Sent::when_known;
    if (part.least > part.most || (varies && !is_optional) || (is_optional && ended)) return false;
    ended = ended || varies;
  }
  return true;
}
static_assert(is_well_formed(kAnswerParts));

template <std::size_t N>
constexpr std::size_t longest_answer(const AnswerPart (&parts)[N]) {
  std::size_t octets = 0;
  for (const AnswerPart& part : parts) octets += part.most;
  return octets;
}

// The parts of `answer`, those that it lacks empty; nothing when it is no answer of any kind.
template <std::size_t N>
constexpr std::optional<std::array<std::string_view, N>> split_answer(const AnswerPart (&parts)[N],
                                                                      std::string_view answer) {
  std::size_t bare = 0, whole = 0;  // octets of an answer without and with the additions
  for (const AnswerPart& part : parts) {
    if (is_bare(part.sent)) bare += part.least;
    if (part.sent != Sent::when_known) whole += part.least;
  }
  const bool has_additions = answer.size() > bare;
  if (has_additions && answer.size() < whole) return std::nullopt;
  std::size_t spare = has_additions ? answer.size() - whole : 0;  // for what may be known or not

  std::array<std::string_view, N> split;
  for (std::size_t i = 0; i < N; ++i) {
    const AnswerPart& part = parts[i];
    if (!has_additions && !is_bare(part.sent)) continue;
    if (part.sent == Sent::by_most && answer.empty()) continue;
    std::size_t octets = part.least;
    if (part.sent == Sent::when_known) {
      if (spare == 0) continue;
      octets = spare < part.most ? spare : part.most;
      spare -= octets;
    }
    if (octets < part.least || answer.size() < octets) return std::nullopt;
    split[i] = {answer.data(), octets};
    answer.remove_prefix(octets);
  }
  if (!answer.empty()) return std::nullopt;
  return split;
}

}  // namespace grey::glue

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
  when_known,      // who knows our additions, and has it
  with_additions,  // who knows our additions, always: so an answer's size tells what is in it
};

struct AnswerPart {
  std::size_t octets;
  Sent sent;
};

// Indices of kAnswerParts.
enum AnswerPartName { kVerdict, kReason, kWait, kTag };
constexpr AnswerPart kAnswerParts[] = {
    {1, Sent::by_all},                    // a wire::Verdict
    {1, Sent::by_most},                   // why
    {4, Sent::when_known},                // seconds until a retry is accepted
    {sizeof(Tag), Sent::with_additions},  // the query's
};

constexpr bool is_bare(Sent sent) {
  return sent == Sent::by_all || sent == Sent::by_most;
}

template <std::size_t N>
constexpr std::size_t longest_answer(const AnswerPart (&parts)[N]) {
  std::size_t octets = 0;
  for (const AnswerPart& part : parts) octets += part.octets;
  return octets;
}

// The parts of `answer`, those that it lacks empty; nothing when it is no answer of any kind.
template <std::size_t N>
constexpr std::optional<std::array<std::string_view, N>> split_answer(const AnswerPart (&parts)[N],
                                                                      std::string_view answer) {
  std::size_t bare = 0, whole = 0;  // octets of an answer without and with the additions
  for (const AnswerPart& part : parts) {
    if (is_bare(part.sent)) bare += part.octets;
    if (part.sent != Sent::when_known) whole += part.octets;
  }
  const bool has_additions = answer.size() > bare;
  if (has_additions && answer.size() < whole) return std::nullopt;
  std::size_t spare = has_additions ? answer.size() - whole : 0;  // for what may be known or not

  std::array<std::string_view, N> split;
  for (std::size_t i = 0; i < N; ++i) {
    const AnswerPart& part = parts[i];
    if (!has_additions && !is_bare(part.sent)) continue;
    if (part.sent == Sent::by_most && answer.empty()) continue;
    if (part.sent == Sent::when_known) {
      if (spare < part.octets) continue;
      spare -= part.octets;
    }
    if (answer.size() < part.octets) return std::nullopt;
    split[i] = {answer.data(), part.octets};
    answer.remove_prefix(part.octets);
  }
  if (!answer.empty()) return std::nullopt;
  return split;
}

}  // namespace grey::glue

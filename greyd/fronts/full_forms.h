// What askers have sent behind the envelopes of their questions, for as long as copies may come.
//
// An asker that hears nothing for a while asks again without our additions to the protocol, in case
// they are what it gets no answer for. Where it was but the answer that was late, the copy is to be
// answered as the first was: with the client's name taken into account, the wait, and the tag,
// without which the answer could be taken for that to somebody else's question.
//
// A fixed number of places, each for the last question that fell on it: who uses it must be right,
// if less good, without it. Pure: `now` is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/seconds.h"

namespace grey {

class FullForms {
 public:
  static constexpr Seconds kLife = 60;
  static constexpr std::size_t kMaxAdditions = 320;  // octets: a name, the tag and some more

  // `question` cannot be guessed, see question_id.h.
  void remember(std::uint64_t question, std::string_view additions, Seconds now) noexcept {
    Place& place = place_of(question);
    place.question = 0;
    if (additions.size() > kMaxAdditions) return;
    try {
      place.additions = additions;
    } catch (const std::bad_alloc&) {
      return;
    }
    place.question = question;
    place.time = now;
  }

  // Empty: not known. Valid until the next call of remember().
  std::string_view find(std::uint64_t question, Seconds now) {
    const Place& place = place_of(question);
    const Seconds age = now - place.time;
    const bool known = place.question == question && age <= kLife && age >= -kLife;
    return known ? std::string_view(place.additions) : std::string_view();
  }

 private:
  struct Place {
    std::uint64_t question = 0;  // 0: none
    Seconds time = 0;
    std::string additions;
  };
  Place& place_of(std::uint64_t question) { return places_[question % places_.size()]; }

  std::vector<Place> places_ = std::vector<Place>(4096);
};

}  // namespace grey

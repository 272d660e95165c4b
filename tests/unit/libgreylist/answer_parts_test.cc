// What is in an answer, by the table of its parts.
#include "smtpd-glue/libgreylist/answer_parts.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/wire/wire.h"

using namespace std::string_literals;

namespace {

using namespace grey;
using namespace grey::glue;

const std::string kTheTag(16, 't'), kSeconds = "\0\0\1\x2c"s, kLongest(400, 'x');

template <std::size_t N>
std::vector<std::string> parts_of(const AnswerPart (&table)[N], std::string_view answer) {
  const auto split = split_answer(table, answer);
  if (!split) return {"none"};
  return {split->begin(), split->end()};
}

}  // namespace

TEST_CASE("an answer is a verdict, a reason, and from who knows them a wait, a text and the tag") {
  const struct {
    std::string answer;
    std::vector<std::string> parts;
  } rows[] = {
      {"\1"s, {"\1", "", "", "", ""}},
      {"\0\2"s, {"\0"s, "\2", "", "", ""}},
      {"\0\2"s + kTheTag, {"\0"s, "\2", "", "", kTheTag}},
      {"\0\2"s + kSeconds + kTheTag, {"\0"s, "\2", kSeconds, "", kTheTag}},
      {"\0\2"s + kSeconds + "x" + kTheTag, {"\0"s, "\2", kSeconds, "x", kTheTag}},
      {"\0\2"s + kSeconds + kLongest + kTheTag, {"\0"s, "\2", kSeconds, kLongest, kTheTag}},
  };
  for (const auto& row : rows) CHECK(parts_of(kAnswerParts, row.answer) == row.parts);
}

TEST_CASE("octets that are no answer of any daemon are none") {
  CHECK(parts_of(kAnswerParts, "") == std::vector{"none"s});
  for (std::size_t size = 3; size < 1000; ++size) {
    if (size == 2 + 16 || (size >= 2 + 4 + 16 && size <= 2 + 4 + 400 + 16)) continue;
    CAPTURE(size);
    CHECK(parts_of(kAnswerParts, std::string(size, '\0')) == std::vector{"none"s});
  }
}

TEST_CASE("what the daemon answers is read as it was meant") {
  auto answer = wire::to_answer_with_wait(wire::Reason::early, 300);
  answer.append(kTheTag);
  const std::string_view octets(answer.bytes, answer.size);
  CHECK(parts_of(kAnswerParts, octets) ==
        std::vector<std::string>{"\0"s, "\2", kSeconds, "", kTheTag});

  wire::AnswerWithText in_words(wire::Reason::early, 300, "later, in %t");
  in_words.append(kTheTag);
  CHECK(parts_of(kAnswerParts, {in_words.bytes, in_words.size}) ==
        std::vector<std::string>{"\0"s, "\2", kSeconds, "later, in %t", kTheTag});
  static_assert(longest_answer(kAnswerParts) == sizeof wire::AnswerWithText::bytes);
}

TEST_CASE("a table by which an answer could be read in two ways is none") {
  constexpr AnswerPart kFixed{4, 4, Sent::when_known}, kVaries{1, 9, Sent::when_known},
      kTag16{16, 16, Sent::with_additions}, kTagVaries{1, 16, Sent::with_additions};
  const auto good = [](AnswerPart one, AnswerPart two) {
    const AnswerPart parts[] = {one, two};
    return is_well_formed(parts);
  };
  CHECK(good(kFixed, kVaries));
  CHECK(good(kVaries, kTag16));
  CHECK_FALSE(good(kVaries, kFixed));
  CHECK_FALSE(good(kVaries, kVaries));
  CHECK_FALSE(good(kVaries, kTagVaries));
  CHECK_FALSE(good(kFixed, {9, 1, Sent::when_known}));
}

TEST_CASE("what ends an answer to a query with a key is one row more") {
  constexpr AnswerPart kKeyed[] = {kAnswerParts[kVerdict], kAnswerParts[kReason],
                                   kAnswerParts[kWait],    kAnswerParts[kText],
                                   kAnswerParts[kTag],     {16, 16, Sent::with_additions}};
  static_assert(is_well_formed(kKeyed));
  const std::string code(16, 'm');
  CHECK(parts_of(kKeyed, "\1\2"s + kTheTag + code) ==
        std::vector<std::string>{"\1", "\2", "", "", kTheTag, code});
  CHECK(parts_of(kKeyed, "\0\1"s + kSeconds + kTheTag + code) ==
        std::vector<std::string>{"\0"s, "\1", kSeconds, "", kTheTag, code});
  CHECK(parts_of(kKeyed, "\0\1"s + kSeconds + "x" + kTheTag + code) ==
        std::vector<std::string>{"\0"s, "\1", kSeconds, "x", kTheTag, code});
  CHECK(parts_of(kKeyed, "\0\1"s + kSeconds + kTheTag) == std::vector{"none"s});
}

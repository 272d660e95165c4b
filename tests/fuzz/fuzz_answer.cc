// Octets from anywhere, as libgreylist reads an answer and shows the text in it: they are the parts
// of an answer or none, and what a client is told is one line of printable ASCII. And what the
// daemon writes is read as it was meant, whatever the text.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/answer_parts.h"
#include "smtpd-glue/libgreylist/daemon_text.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "tests/fuzz/require.h"

using namespace grey;
using namespace grey::glue;

namespace {

// What a client is told for a rule's text, in a buffer of that size for it.
void show(std::string_view text, std::uint32_t wait, std::size_t size) {
  std::vector<char> format(size, '#');  // exactly so long, for the sanitizer
  DaemonText taken(format.data(), format.size());
  REQUIRE(format[0] == '\0');
  taken.take(text);
  const std::string_view shown(format.data());
  REQUIRE(shown.size() < size && is_printable(shown));
  REQUIRE(shown.empty() || text.starts_with(shown));
  if (is_printable(text)) REQUIRE(shown.size() == std::min(text.size(), size - 1));

  const greylist_result result{GREYLIST_DEFER, GREYLIST_ANSWERED, 2, 0, wait};
  char told[GREYLIST_TEXT_MAX + 1];
  const std::size_t length = greylist_text(&result, format.data(), told, sizeof told);
  REQUIRE(length > 0 && is_printable({told, length}));
}

void read_as_an_answer(std::string_view octets) {
  const auto parts = split_answer(kAnswerParts, octets);
  if (!parts) return;
  std::string all;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::size_t size = (*parts)[i].size();
    REQUIRE(size == 0 || (size >= kAnswerParts[i].least && size <= kAnswerParts[i].most));
    all += (*parts)[i];
  }
  REQUIRE(all == octets);
  const std::string_view text = (*parts)[kText];
  REQUIRE(text.empty() || (!(*parts)[kWait].empty() && !(*parts)[kTag].empty()));
  const std::uint32_t wait = wire::wait_in(octets.substr(0, octets.size() - (*parts)[kTag].size()));
  constexpr std::size_t kSizes[] = {1, 2, 100, GREYLIST_TEXT_MAX + 1};
  for (const std::size_t size : kSizes) show(text, wait, size);
}

void write_and_read(std::string_view text) {
  const std::string tag(wire::kMaxTag, 't');
  text = text.substr(0, wire::kMaxText);
  if (text.empty()) return;
  const auto wait = std::uint32_t(text.size() * 0x01010101);
  wire::AnswerWithText answer(wire::Reason::early, wait, text);
  answer.append(tag);
  const auto parts = split_answer(kAnswerParts, {answer.bytes, answer.size});
  REQUIRE(parts.has_value());
  REQUIRE((*parts)[kText] == text && (*parts)[kTag] == tag);
  REQUIRE(wire::wait_in({answer.bytes, answer.size - tag.size()}) == wait);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> octets(data, data + size);  // exactly so long
  read_as_an_answer({octets.data(), octets.size()});
  write_and_read({octets.data(), octets.size()});
  return 0;
}

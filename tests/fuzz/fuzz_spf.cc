// Answers of a DNS that anybody may have made: flattening ends within its bounds, and what comes of
// it is what the daemon takes from the helper.
//
// The input is a series of answers, in the order of the questions: of each a first octet for how
// many records it has (none: nothing; 255: a failure) and of each an octet for its length, times 4,
// and its data; 0 there: a text as TXT has it, up to the next newline.
#include <string>
#include <string_view>

#include "greyd/spf/flattening.h"
#include "greyd/spf/messages.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

std::string txt_of(std::string_view text) {
  std::string data;
  for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 255))) {
    const std::string_view part = text.substr(0, 255);
    data.append(1, char(part.size())).append(part);
  }
  return data;
}

class Input {
 public:
  explicit Input(std::string_view text) : rest_(text) {}

  spf::Answer answer() {
    const unsigned count = octet();
    spf::Answer answer;
    if (count == 255) return answer;
    answer.ttl = Seconds(octet()) * 1000 - 1000;
    answer.kind = count % 16 == 0 ? spf::Answer::Kind::nothing : spf::Answer::Kind::found;
    for (unsigned i = 0; i < count % 16; ++i) answer.data.push_back(data());
    return answer;
  }

 private:
  unsigned octet() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string data() {
    const std::size_t size = octet() * 4;
    if (size > 0) {
      std::string raw(rest_.substr(0, size));
      rest_.remove_prefix(raw.size());
      return raw;
    }
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string text = txt_of(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }

  std::string_view rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  Input input(text);
  spf::Flattening flattening("example.com");
  std::size_t waves = 0;
  while (!flattening.done()) {
    const auto questions = flattening.questions();
    REQUIRE(!questions.empty() && questions.size() <= 2 * spf::Flattening::kMaxHosts);
    REQUIRE(++waves <= 1 + 2 * spf::Flattening::kMaxTerms);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      REQUIRE(spf::read_name(questions[i].name) == questions[i].name);
      flattening.answer(i, input.answer());
    }
  }
  const spf::HelperMessage message = spf::DomainAnswer{7, "example.com", flattening.result()};
  const std::string said = to_text(message);
  REQUIRE(said.size() <= spf::kMaxMessage);
  const auto read = spf::read_message(said);
  REQUIRE(read && to_text(*read) == said);
  return 0;
}

// An envelope from anywhere, as libgreylist asks about it: its datagram is within its bounds, is a
// query, and leaves no recipient out that none stands for; and the plain form is the same envelope.
//
// The input: two octets of max_data, the client, the sender and the client's name, each up to a
// NUL, then the recipients as a front holds them.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/query_text.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

std::string text_off(std::string_view& input) {
  const std::string text(input.substr(0, input.find('\0')));
  input.remove_prefix(std::min(text.size() + 1, input.size()));
  return text;
}

// How many fields of `recipients` begin with T.
std::size_t count(std::string_view recipients) {
  std::size_t count = 0;
  while (!recipients.empty()) {
    if (recipients[0] == 'T') ++count;
    text_off(recipients);
  }
  return count;
}

void check_forms(const greylist_query& envelope, std::size_t max_data) {
  const auto question =
      std::make_unique<glue::Question>(envelope, max_data, glue::Wanted{true, true});
  if (!question->is_good()) return;
  for (const bool brief : {false, true}) {
    const std::string plain(question->datagram(brief, glue::Form::plain));
    const std::string full(question->datagram(brief, glue::Form::full));
    wire::Query asked, asked_plainly;
    REQUIRE(wire::parse(full, asked) == wire::Fault::none);
    REQUIRE(wire::parse(plain, asked_plainly) == wire::Fault::none);
    REQUIRE(asked.envelope == asked_plainly.envelope);
    REQUIRE(plain == std::string(asked.envelope) + std::string(2, '\0'));
    REQUIRE(question->datagram(brief, glue::Form::plain) == plain);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t max_data = GREYLIST_MIN_DATA + std::size_t(data[0] | data[1] << 8) % 65'000;
  std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string client = text_off(input), sender = text_off(input), name = text_off(input);
  const std::vector<char> recipients(input.begin(), input.end());  // exactly so long
  const greylist_query envelope{client.c_str(), name.c_str(), sender.c_str(), recipients.data(),
                                recipients.size()};
  for (const std::size_t capacity : {wire::kMaxDatagram, glue::kUnfragmented}) {
    std::vector<char> buffer(capacity);
    const auto written =
        glue::write_query(envelope, max_data, {true, true}, buffer.data(), capacity);
    if (written.size == 0) continue;
    REQUIRE(written.size <= std::max<std::size_t>(max_data, 1000));
    wire::Query query;
    REQUIRE(wire::parse({buffer.data(), written.size}, query) == wire::Fault::none);
    REQUIRE(query.tag == written.tag.view() && query.wants_wait && query.wants_text);
    REQUIRE(query.sender.size() <= glue::kLongestAddress);
    const std::size_t asked = query.recipients.size(), named = count(input);
    REQUIRE(asked <= glue::kMaxRecipients);
    REQUIRE(asked == named || (asked < named && (*query.recipients.begin())[0] == '#'));
  }
  check_forms(envelope, max_data);
  return 0;
}

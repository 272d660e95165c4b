// A stream to the policy port: the same requests however it arrives, in bounded memory; what is
// asked about are recipients without a NUL, each of those that were named, and a fault is the last
// that is read.
#include <algorithm>
#include <string>
#include <vector>

#include "greyd/fronts/mta_request.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

using Step = MtaReader::Step;

// A line, and the values that were taken from it, each in a string that doubles.
constexpr std::size_t kMostMemory = 4 * MtaReader::kMaxRequest + 2 * sizeof(std::string);

// Postfix asks about one recipient, Exim about several at a time.
void check_request(const MtaRequest& request) {
  wire::Query query;
  if (to_query(request, query) != MtaTopic::decide) return;
  std::string recipients;
  std::size_t count = 0;
  for (const std::string_view recipient : query.recipients) {
    REQUIRE(recipient.find('\0') == std::string_view::npos);
    recipients.append(count++ == 0 ? "" : std::string_view("\0T", 2)).append(recipient);
  }
  REQUIRE(count == query.recipients.size() && count > 0 && count <= wire::kMaxRecipients);
  REQUIRE(request.get(Attribute::recipient).starts_with(recipients));
  REQUIRE(query.unasked > 0 || recipients == request.get(Attribute::recipient));
  REQUIRE(count == 1 || request.form() == MtaForm::line);
  REQUIRE(query.sender.find('\0') == std::string_view::npos);
}

// All values of all requests, and how it ended: the fault, and in which form it is answered. In
// pieces of `size` bytes.
std::string read(const std::vector<char>& stream, std::size_t size) {
  MtaReader reader;
  MtaRequest used;  // swapped in, as the server does
  std::string result;
  Step step = Step::more;
  const auto note = [&] {
    std::swap(used, reader.request());
    check_request(used);
    for (std::size_t i = 0; i < kAttributes; ++i) {
      result.append(used.get(Attribute(i))).append("\n");
    }
  };
  for (std::size_t at = 0; at < stream.size() && step != Step::fault; at += size) {
    // Exactly so long, for the sanitizer.
    const std::vector<char> piece(
        stream.begin() + std::ptrdiff_t(at),
        stream.begin() + std::ptrdiff_t(std::min(at + size, stream.size())));
    std::string_view bytes(piece.data(), piece.size());
    while ((step = reader.next(bytes)) == Step::request) note();
    REQUIRE(step == Step::fault || bytes.empty());
    REQUIRE(reader.memory() <= kMostMemory);
  }
  if (reader.at_end() == Step::request) note();
  result.append(to_string(reader.fault()));
  if (reader.fault() == MtaFault::none || !reader.form()) return result;
  return result.append(reader.form() == MtaForm::line ? " line" : " postfix");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<char> stream(data + 1, data + size);
  const std::string whole = read(stream, std::max<std::size_t>(stream.size(), 1));
  REQUIRE(read(stream, 1) == whole);
  REQUIRE(read(stream, 1 + std::size_t(data[0])) == whole);
  return 0;
}

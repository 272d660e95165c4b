// BDAT (RFC 3030): "BDAT size [LAST]", after which `size` octets follow at once, unlike DATA's
// content without waiting for a reply. Where the two ends of a connection read the size
// differently, octets of the one are commands of the other: so what is read is written anew before
// it is passed on, and a line that cannot be read ends the session, as nobody knows which octets
// after it are commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grey::smtp {

struct Chunk {
  std::uint64_t size = 0;  // octets
  bool last = false;
};

// Larger chunks are not passed on: there are servers that hold the size in 32 bits.
constexpr std::uint64_t kMaxChunk = 0x7fffffff;

// The chunk that a whole command line announces, of at most 18 digits, in any case, with CRLF or LF
// at its end, and with blanks wherever a client may have put one too many.
std::optional<Chunk> parse_bdat(std::string_view line);

// The line, with its CRLF.
std::string bdat_line(Chunk chunk);

}  // namespace grey::smtp

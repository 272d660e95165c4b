// Our additions to the protocol, as a table: the fields that follow a query's recipients.
//
// They go last: daemons that do not know them take what follows the first recipient for more
// recipients, which is the least harm. A new one is a row; that its space is kept when a query is
// cut, and where it stands, follow from the table.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/digest.h"

namespace grey::glue {

constexpr std::size_t kField = 2;  // octets of a field beside its text: the letter and the NUL

// What an answer is told by from one to another question: the same for the same question, as a
// daemon that takes it for a recipient must find the same one at each attempt.
struct Tag {
  char text[Digest::kSize];
  std::string_view view() const { return {text, sizeof text}; }
};
static_assert(sizeof(Tag) <= wire::kMaxTag);

// What is wanted besides the verdict, where the client must wait.
struct Wanted {
  bool wait = false;  // the time until a retry is accepted
  bool text = false;  // what a rule of the daemon's operator says to it
};

// What a query is signed with, and when.
struct Signing {
  wire::Key key;
  std::uint32_t time = 0;  // seconds since 1970
  wire::Nonce nonce{};
};

// What a front knows of the client besides its address and name.
struct Told {
  std::optional<std::string_view> helo;  // what it said in HELO; nothing: not known
  bool spoke_early = false;              // before it was greeted
};

// What a query's additions say that is known before any of it is written.
struct Asked {
  std::string_view client_name;  // the verified one; empty: not known
  Wanted wanted;
  const Signing* signing = nullptr;  // nullptr: it is not signed
  Told told{};
};

// What is known when an addition's text is.
struct Written {
  Tag tag;                  // of the envelope
  std::string_view before;  // the datagram up to and including the addition's letter
};

struct Addition {
  char letter;
  // Octets of its text, or nothing when it is not sent. They are kept free for it, whatever of the
  // recipients has to be left out.
  std::optional<std::size_t> (*size)(const Asked& asked);
  void (*write)(const Asked& asked, const Written& written, char* out);  // that many, at its place
  // Nothing but the final NUL may follow it, as it says something about all that is before it.
  bool is_last = false;
};
using Additions = std::span<const Addition>;

// Whether each letter stands once and is none of the envelope's, and nothing follows who is last.
constexpr bool is_well_formed(Additions additions) {
  for (std::size_t i = 0; i < additions.size(); ++i) {
    const char letter = additions[i].letter;
    if (letter == 'I' || letter == 'F' || letter == 'T' || letter == '\0') return false;
    if (additions[i].is_last && i + 1 < additions.size()) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (additions[j].letter == letter) return false;
    }
  }
  return true;
}

// Those of each query, in their order: N, H, E, W, X, Q and K of greyd/wire/wire.h. (P is for who
// probes.)
Additions query_additions();

// Octets of the additions to a query, without the final NUL.
std::size_t size_of(Additions additions, const Asked& asked);

// Writes the additions, and the final NUL, behind the envelope, the first `envelope` octets of
// `datagram`, where there is room for them. The datagram's octets.
std::size_t write_additions(Additions additions, const Asked& asked, const Tag& tag, char* datagram,
                            std::size_t envelope);

}  // namespace grey::glue

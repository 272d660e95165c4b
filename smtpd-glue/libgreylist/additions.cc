#include "smtpd-glue/libgreylist/additions.h"

#include <string.h>

namespace grey::glue {
namespace {

void copy(std::string_view text, char* out) {
  if (!text.empty()) memcpy(out, text.data(), text.size());
}

std::optional<std::size_t> size_of_name(const Asked& asked) {
  if (asked.client_name.empty()) return std::nullopt;
  return asked.client_name.size();
}
void write_name(const Asked& asked, const Written&, char* out) {
  copy(asked.client_name, out);
}

// What is not printable ASCII is in no HELO of a mail server: '?' stands for it.
std::optional<std::size_t> size_of_helo(const Asked& asked) {
  if (!asked.told.helo) return std::nullopt;
  const std::size_t size = asked.told.helo->size();
  return size < wire::kMaxHelo ? size : wire::kMaxHelo;
}
void write_helo(const Asked& asked, const Written&, char* out) {
  const std::string_view helo = *asked.told.helo;
  for (std::size_t i = 0; i < helo.size() && i < wire::kMaxHelo; ++i) {
    const char c = helo.data()[i];
    out[i] = c < 0x20 || c > 0x7e ? '?' : c;
  }
}

std::optional<std::size_t> size_of_early(const Asked& asked) {
  if (!asked.told.spoke_early) return std::nullopt;
  return 0;
}

std::optional<std::size_t> size_of_wait(const Asked& asked) {
  if (!asked.wanted.wait) return std::nullopt;
  return 0;
}

std::optional<std::size_t> size_of_text(const Asked& asked) {
  if (!asked.wanted.text) return std::nullopt;
  return 0;
}

void write_nothing(const Asked&, const Written&, char*) {}

std::optional<std::size_t> size_of_tag(const Asked&) {
  return sizeof(Tag);
}
void write_tag(const Asked&, const Written& written, char* out) {
  copy(written.tag.view(), out);
}

std::optional<std::size_t> size_of_key(const Asked& asked) {
  if (asked.signing == nullptr) return std::nullopt;
  return wire::key_field_size(asked.signing->key.id());
}
void write_key(const Asked& asked, const Written& written, char* out) {
  const std::size_t before = written.before.size();
  const Signing& signing = *asked.signing;
  wire::write_key_field(signing.key, signing.time, signing.nonce, out - before, before);
}

constexpr Addition kAdditions[] = {
    {'N', size_of_name, write_name},     {'H', size_of_helo, write_helo},
    {'E', size_of_early, write_nothing}, {'W', size_of_wait, write_nothing},
    {'X', size_of_text, write_nothing},  {'Q', size_of_tag, write_tag},
    {'K', size_of_key, write_key, true},
};
static_assert(is_well_formed(kAdditions));

}  // namespace

Additions query_additions() {
  return kAdditions;
}

std::size_t size_of(Additions additions, const Asked& asked) {
  std::size_t octets = 0;
  for (const Addition& addition : additions) {
    if (const auto size = addition.size(asked)) octets += kField + *size;
  }
  return octets;
}

std::size_t write_additions(Additions additions, const Asked& asked, const Tag& tag, char* datagram,
                            std::size_t envelope) {
  std::size_t end = envelope;
  for (const Addition& addition : additions) {
    const auto size = addition.size(asked);
    if (!size) continue;
    datagram[end++] = addition.letter;
    addition.write(asked, {tag, {datagram, end}}, datagram + end);
    end += *size;
    datagram[end++] = '\0';
  }
  datagram[end++] = '\0';
  return end;
}

}  // namespace grey::glue

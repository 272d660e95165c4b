#include "smtpd-glue/greysmtpd/bdat.h"

#include <charconv>

#include "smtpd-glue/greysmtpd/smtp_syntax.h"

namespace grey::smtp {

std::optional<Chunk> parse_bdat(std::string_view line) {
  constexpr std::string_view kVerb = "BDAT";
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  line = skip_blanks(line);
  if (!equal_in_any_case(line.substr(0, kVerb.size()), kVerb)) return std::nullopt;
  line.remove_prefix(kVerb.size());
  if (line.empty() || !is_blank(line.front())) return std::nullopt;
  line = skip_blanks(line);

  Chunk chunk;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), chunk.size);
  const auto digits = std::size_t(end - line.data());
  if (error != std::errc() || digits > 18) return std::nullopt;
  line.remove_prefix(digits);
  if (line.empty()) return chunk;
  chunk.last = is_blank(line.front()) && equal_in_any_case(skip_blanks(line), "LAST");
  return chunk.last ? std::optional(chunk) : std::nullopt;
}

std::string bdat_line(Chunk chunk) {
  return "BDAT " + std::to_string(chunk.size) + (chunk.last ? " LAST\r\n" : "\r\n");
}

}  // namespace grey::smtp

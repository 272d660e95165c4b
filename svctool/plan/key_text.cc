#include "svctool/plan/key_text.h"

#include <algorithm>
#include <vector>

#include "greyd/wire/keys.h"

namespace grey::svctool {
namespace {

bool is_key(std::string_view line) {
  line = line.substr(0, line.find('#'));
  return line.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    lines.emplace_back(text.substr(0, newline)).push_back('\n');
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  return lines;
}

}  // namespace

std::string key_line(std::string_view id, const std::array<std::uint8_t, 16>& secret) {
  std::string digits(2 * secret.size(), '0');
  wire::write_digits(secret.data(), secret.size(), digits.data());
  return std::string(id) + " " + digits + "\n";
}

std::string text_of_new_keys(std::string_view line) {
  return "# Keys of who asks by UDP: svctool(8), KEYS. The first is sent, all are taken.\n" +
         std::string(line);
}

Result<std::string> change_keys(std::string_view text, KeyStep step, std::string_view new_line) {
  wire::KeyRing ring;
  if (const auto fault = wire::parse_keys(text, ring)) {
    const std::string line = fault->line > 0 ? "line " + std::to_string(fault->line) + ": " : "";
    return failure(line + fault->what);
  }
  if (step == KeyStep::add && ring.count > 1) {
    return failure("there are " + std::to_string(ring.count) +
                   " keys, so a change is under way: finish it with --key-change=drop");
  }
  if ((step == KeyStep::use || step == KeyStep::drop) && ring.count < 2) {
    return failure("there is one key, so no change is under way: begin one with --key-change=add");
  }
  std::vector<std::string> lines = lines_of(text);
  const auto first = std::ranges::find_if(lines, is_key);
  const auto last = std::find_if(lines.rbegin(), lines.rend(), is_key).base() - 1;
  switch (step) {
    case KeyStep::none:
      break;
    case KeyStep::add:
      lines.insert(last + 1, std::string(new_line));
      break;
    case KeyStep::use:
      std::rotate(first, last, last + 1);
      break;
    case KeyStep::drop:
      lines.erase(std::remove_if(first + 1, lines.end(), is_key), lines.end());
      break;
  }
  std::string changed;
  for (const std::string& line : lines) changed += line;
  return changed;
}

}  // namespace grey::svctool

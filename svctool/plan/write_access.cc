#include "svctool/plan/write_access.h"

#include <algorithm>

namespace grey::svctool {
namespace {

// Words as systemctl prints them: those with odd characters in double quotes, with backslashes.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool any = false, quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
    } else if (c == ' ' && !quoted) {
      if (any || !word.empty()) words.push_back(std::move(word));
      word.clear();
      any = false;
    } else {
      word += c;
    }
  }
  if (any || !word.empty()) words.push_back(std::move(word));
  return words;
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace

WriteAccess parse_unit_access(std::string_view shown) {
  constexpr std::string_view kPaths = "ReadWritePaths=", kGroup = "Group=";
  WriteAccess access;
  while (!shown.empty()) {
    const std::size_t newline = std::min(shown.find('\n'), shown.size());
    const std::string_view line = shown.substr(0, newline);
    shown.remove_prefix(std::min(newline + 1, shown.size()));
    if (line == "ProtectSystem=strict") access.strict = true;
    if (line.starts_with(kPaths)) access.writable = words_of(line.substr(kPaths.size()));
    if (line.starts_with(kGroup)) access.group = line.substr(kGroup.size());
  }
  for (std::string& path : access.writable) {
    path.erase(0, path.find_first_not_of("-+"));  // may be missing; within its own root
  }
  return access;
}

std::string first_read_only(const WriteAccess& access,
                            const std::vector<std::string>& directories) {
  if (!access.strict) return {};
  for (const std::string& directory : directories) {
    const bool writable = std::ranges::any_of(
        access.writable, [&](const auto& path) { return is_at_or_below(directory, path); });
    if (!writable) return directory;
  }
  return {};
}

}  // namespace grey::svctool

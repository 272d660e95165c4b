#include "svctool/plan/edits.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "svctool/util/lines.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kSignature = "# Digest, by which svctool knows whether it was edited: ";

// 64 bits of FNV-1a: against mistakes, not against malice.
std::string digest(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

std::string_view without_signature(std::string_view script) {
  const std::size_t at = script.rfind(kSignature);
  return at == script.npos || (at > 0 && script[at - 1] != '\n') ? script : script.substr(0, at);
}

// "--whitelist=x" names "whitelist".
bool is_named(const std::vector<std::string>& options, std::string_view option) {
  return std::ranges::any_of(options, [option](std::string_view given) {
    if (!given.starts_with("--") || option.empty()) return false;
    given = given.substr(2, given.find('=') == given.npos ? given.npos : given.find('=') - 2);
    return given == option || (given == "no-whitelist" && option == "whitelist");
  });
}

const std::string* find(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

// A line's end is its newline, or the end of the text.
std::string_view take_line(std::string_view& text) {
  const std::size_t newline = text.find('\n');
  const std::size_t size = newline == text.npos ? text.size() : newline + 1;
  const std::string_view line = text.substr(0, size);
  text.remove_prefix(size);
  return line;
}

}  // namespace

std::string envdir_value(std::string_view content) {
  std::string value(first_line(content));
  while (value.ends_with(' ') || value.ends_with('\t')) value.pop_back();
  return value;
}

std::string with_envdir_value(const std::string& content, const std::string& value) {
  if (value.empty()) return "";
  if (envdir_value(content) == value) return content;
  const std::size_t newline = content.find('\n');
  return value + (newline == content.npos ? "\n" : content.substr(newline));
}

Values find_edits(const Values& present, const ServiceRequest* installed,
                  const ServiceRequest& planned, const std::vector<std::string>& named) {
  Values before;
  if (installed != nullptr) {
    for (const Variable& variable : variables_of(*installed))
      before[variable.name] = variable.value;
  }
  Values edits;
  for (const Variable& variable : variables_of(planned)) {
    if (is_named(named, variable.option)) continue;
    // The port is named in every call.
    if (variable.name == "LISTEN" && installed != nullptr && installed->port != planned.port) {
      continue;
    }
    const std::string* is = find(present, variable.name);
    const std::string* was = find(before, variable.name);
    const std::string value = is != nullptr ? *is : "";
    // Without it the service does not start, which nobody can have wanted.
    if (value.empty() && variable.role == Entry::Role::required) continue;
    if (is == nullptr && was == nullptr) continue;
    if (was != nullptr && value == *was) continue;
    if (value != variable.value) edits[variable.name] = value;
  }
  return edits;
}

std::string merge_environment(std::string_view present, const Variables& planned) {
  Values now;
  for (auto& [name, value] : parse_environment(present)) now[name] = value;
  Variables missing;
  Values changed;
  for (const auto& [name, value] : planned) {
    const std::string* is = find(now, name);
    if (is == nullptr && !value.empty()) missing.emplace_back(name, value);
    if (is != nullptr && *is != value) changed[name] = value;
  }
  std::vector<std::string> lines;
  while (!present.empty()) lines.emplace_back(take_line(present));
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const Variables parsed = parse_environment(*line);
    const std::string* value = parsed.empty() ? nullptr : find(changed, parsed.front().first);
    if (value == nullptr) continue;
    *line = environment_file({{parsed.front().first, *value}});
    changed.erase(parsed.front().first);
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  if (!missing.empty() && !text.empty() && !text.ends_with('\n')) text += '\n';
  return text + environment_file(missing);
}

std::string signed_script(std::string text) {
  const std::string signature = std::string(kSignature) + digest(text) + "\n";
  return std::move(text) + signature;
}

Author author_of(std::string_view script) {
  const std::string_view body = without_signature(script);
  if (body.size() == script.size()) return Author::unknown;
  return script == signed_script(std::string(body)) ? Author::svctool : Author::edited;
}

bool same_script(std::string_view one, std::string_view other) {
  return without_signature(one) == without_signature(other);
}

}  // namespace grey::svctool

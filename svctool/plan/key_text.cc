#include "svctool/plan/key_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "greyd/wire/keys.h"

namespace grey::svctool {
namespace {

bool is_key(std::string_view line) {
  line = line.substr(0, line.find('#'));
  return line.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

constexpr std::string_view kMark = "# svctool --key-change: ";
constexpr std::string_view kFollows = " follows ";

// The keys of a change that is under way, by their IDs.
struct Change {
  std::string added, old;
};

std::string mark_of(const Change& change) {
  return std::string(kMark).append(change.added).append(kFollows).append(change.old) + "\n";
}

std::optional<Change> change_in(std::string_view line) {
  while (!line.empty() && std::string_view(" \t\r\n").find(line.back()) != line.npos) {
    line.remove_suffix(1);
  }
  if (!line.starts_with(kMark)) return std::nullopt;
  line.remove_prefix(kMark.size());
  const std::size_t follows = line.find(kFollows);
  if (follows == line.npos) return std::nullopt;
  return Change{std::string(line.substr(0, follows)),
                std::string(line.substr(follows + kFollows.size()))};
}

std::string_view id_in(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  return line.substr(begin, std::min(line.find_first_of(" \t\r\n", begin), line.size()) - begin);
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

namespace {

using Lines = std::vector<std::string>;

Lines::iterator find_key(Lines& lines, std::string_view id) {
  return std::ranges::find_if(
      lines, [&](const std::string& line) { return is_key(line) && id_in(line) == id; });
}

Result<void> add_key(Lines& lines, std::string_view new_line) {
  const auto first = std::ranges::find_if(lines, is_key);
  const auto last = std::find_if(lines.rbegin(), lines.rend(), is_key).base() - 1;
  const std::string old(id_in(*first));
  const auto at = lines.insert(last + 1, std::string(new_line));
  lines.insert(at, mark_of({std::string(id_in(new_line)), old}));
  return {};
}

Result<void> use_key(Lines& lines, const Change& change) {
  const auto first = std::ranges::find_if(lines, is_key);
  const auto added = find_key(lines, change.added);
  if (added == first) {
    return failure("key " + change.added + " is used already: finish with --key-change=drop");
  }
  std::rotate(first, added, added + 1);
  return {};
}

// The one whose place the new one has taken; before that, the new one.
void drop_key(Lines& lines, const Change& change) {
  const auto first = std::ranges::find_if(lines, is_key);
  const bool used = id_in(*first) == change.added;
  lines.erase(find_key(lines, used ? change.old : change.added));
}

}  // namespace

Result<std::string> change_keys(std::string_view text, KeyStep step, std::string_view new_line) {
  wire::KeyRing ring;
  if (const auto fault = wire::parse_keys(text, ring)) {
    const std::string line = fault->line > 0 ? "line " + std::to_string(fault->line) + ": " : "";
    return failure(line + fault->what);
  }
  Lines lines = lines_of(text);
  const auto is_mark = [](const std::string& line) { return change_in(line).has_value(); };
  const auto mark = std::ranges::find_if(lines, is_mark);
  const auto change = mark == lines.end() ? std::nullopt : change_in(*mark);
  Result<void> done;
  if (step == KeyStep::add && change) {
    return failure(
        "a change is under way, of key " + change->old +
        ": finish it with --key-change=" + (ring.first().id() == change->added ? "drop" : "use"));
  }
  if (step == KeyStep::add) done = add_key(lines, new_line);
  if (step == KeyStep::use || step == KeyStep::drop) {
    if (!change) {
      return failure("no change is under way: begin one with --key-change=add");
    }
    const std::string_view first = ring.first().id();
    if (ring.find(change->added) == nullptr || ring.find(change->old) == nullptr ||
        (first != change->added && first != change->old)) {
      return failure("the change that it has a comment of, '" + change->added +
                     std::string(kFollows) + change->old +
                     "', is not one of its first key: take that comment out");
    }
    if (step == KeyStep::use) {
      done = use_key(lines, *change);
    } else {
      drop_key(lines, *change);
      std::erase_if(lines, is_mark);
    }
  }
  if (!done) return tl::make_unexpected(done.error());
  std::string changed;
  for (const std::string& line : lines) changed += line;
  if (const auto fault = wire::parse_keys(changed, ring)) return failure(fault->what);
  return changed;
}

}  // namespace grey::svctool

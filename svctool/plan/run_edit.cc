#include "svctool/plan/run_edit.h"

#include <algorithm>
#include <cctype>

#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

constexpr std::string_view kName = "GREYIP=";
constexpr std::string_view kExport = "; export GREYIP";
constexpr std::string_view kMark = " # svctool --greyip";

// Calls visit(number, line) for each line that is no comment, until one returns true.
template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    const std::size_t start = line.find_first_not_of(" \t");
    if (start != std::string_view::npos && line[start] == '#') continue;
    if (visit(number, line)) return;
  }
}

// A word that begins with GREYIP=.
bool assigns_greyip(std::string_view line) {
  for (std::size_t at = line.find(kName); at != std::string_view::npos;
       at = line.find(kName, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    if (!std::isalnum(static_cast<unsigned char>(before)) && before != '_') return true;
  }
  return false;
}

bool is_shell(std::string_view first_line) {
  if (!first_line.starts_with("#!")) return false;
  first_line.remove_prefix(2);
  constexpr std::string_view kShells[] = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"};
  while (!first_line.empty()) {
    const std::size_t space = std::min(first_line.find_first_of(" \t"), first_line.size());
    std::string_view word = first_line.substr(0, space);
    word.remove_prefix(word.rfind('/') + 1);  // npos + 1 is 0
    if (std::ranges::find(kShells, word) != std::end(kShells)) return true;
    first_line.remove_prefix(std::min(space + 1, first_line.size()));
  }
  return false;
}

std::string line_of(std::string_view greyip) {
  std::string line(kName);
  return line.append(shell_quote(greyip)).append(kExport).append(kMark);
}

// The value in a line of ours; check_greyip() lets no quote into it.
std::string value_in(std::string_view line) {
  line.remove_prefix(kName.size());
  line.remove_suffix(kExport.size() + kMark.size());
  std::string value(line);
  std::erase(value, '\'');
  return value;
}

}  // namespace

bool reads_variables(std::string_view run) {
  bool reads = false;
  for_each_line(run, [&reads](std::size_t, std::string_view line) {
    const std::size_t envdir = line.find("envdir");
    reads = envdir != std::string_view::npos && line.find("variables", envdir) != line.npos;
    return reads;
  });
  return reads;
}

std::optional<RunGreyip> find_run_greyip(std::string_view run) {
  std::optional<RunGreyip> found;
  for_each_line(run, [&found](std::size_t number, std::string_view line) {
    if (!assigns_greyip(line)) return false;
    found = RunGreyip{number, line, "", false};
    const std::size_t least = kName.size() + kExport.size() + kMark.size();
    if (line.starts_with(kName) && line.ends_with(kMark) && line.size() >= least) {
      found->ours = true;
      found->value = value_in(line);
    }
    return true;
  });
  return found;
}

Result<std::string> set_run_greyip(std::string_view run, std::string_view greyip, bool force) {
  const std::string line = line_of(greyip);
  std::string text;
  if (const auto present = find_run_greyip(run)) {
    const std::string where = "line " + std::to_string(present->line) + ": ";
    if (!present->ours) {
      return failure(where + "GREYIP is set already, by a line that only you can change: " +
                     std::string(present->text));
    }
    if (present->value == greyip) return std::string(run);
    if (!force) {
      return failure(where + "another GREYIP is set, which --force would replace: " +
                     std::string(present->text));
    }
    const std::size_t at = std::size_t(present->text.data() - run.data());
    text.append(run.substr(0, at)).append(line).append(run.substr(at + present->text.size()));
    return text;
  }
  const std::size_t newline = run.find('\n');
  if (newline == std::string_view::npos || !is_shell(run.substr(0, newline))) {
    return failure("line 1: not a shell script: " + std::string(run.substr(0, newline)));
  }
  text.append(run.substr(0, newline + 1)).append(line).append("\n").append(run.substr(newline + 1));
  return text;
}

std::string remove_run_greyip(std::string_view run) {
  const auto present = find_run_greyip(run);
  if (!present || !present->ours) return std::string(run);
  const std::size_t at = std::size_t(present->text.data() - run.data());
  std::string text(run.substr(0, at));
  return text.append(run.substr(std::min(at + present->text.size() + 1, run.size())));
}

}  // namespace grey::svctool

#include "etc/completion/table.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace grey::completion {
namespace {

using Kind = Value::Kind;

bool is_word(const std::string& text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.find_first_not_of(kLetters) == std::string::npos;
}

// As a help shows a choice: "always|second|never", or "WORD:{always,never,second}" by a check.
std::optional<std::vector<std::string>> choices_of(const std::string& type) {
  std::vector<std::string> words;
  if (const std::size_t brace = type.find(":{");
      brace != std::string::npos && type.ends_with('}')) {
    words = split(std::string_view(type).substr(brace + 2, type.size() - brace - 3), ',');
  } else if (type.find('|') != std::string::npos) {
    words = split(type, '|');
  }
  if (words.empty() || !std::ranges::all_of(words, is_word)) return std::nullopt;
  return words;
}

Kind kind_of(std::string_view name) {
  if (name == "FILE" || name == "PATH") return Kind::file;
  if (name == "DIR") return Kind::directory;
  if (name == "USER") return Kind::user;
  if (name == "GROUP") return Kind::group;
  return Kind::other;
}

// `name`: of the option or argument.
Value value_of(const CLI::Option& option, const std::string& name, const Words& words) {
  const std::string type = option.get_type_name();
  Value value;
  if (option.get_items_expected_max() == 0) {
    value.kind = Kind::flag;
    return value;
  }
  value.name = type.substr(0, type.find(':'));
  if (option.get_positional()) value.name = option.get_name(true);
  value.kind = kind_of(type);
  // An argument whose name says enough has no type.
  if (type.empty() && option.get_positional()) value.kind = kind_of(value.name);
  for (const std::string& key : {name, type}) {
    if (const auto known = words.find(key); known != words.end()) value.words = known->second;
  }
  if (value.words.empty()) value.words = choices_of(type).value_or(std::vector<std::string>());
  if (!value.words.empty()) value.kind = Kind::word;
  return value;
}

bool is_repeated(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return false;
  return option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
         option.get_items_expected_max() > 1;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Command table_of(const CLI::App& app, const Words& words) {
  Command command{app.get_name(), app.get_description(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    const std::string help = option->get_description();
    if (option->get_positional()) {
      const std::string name = option->get_name(true);
      command.arguments.push_back({value_of(*option, name, words), help, is_repeated(*option)});
      continue;
    }
    Option row{{}, help, {}, is_repeated(*option)};
    for (const std::string& name : option->get_lnames()) row.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) row.names.push_back("-" + name);
    row.value = value_of(*option, row.names.front(), words);
    command.options.push_back(std::move(row));
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.commands.push_back(table_of(*below, words));
  }
  return command;
}

}  // namespace grey::completion

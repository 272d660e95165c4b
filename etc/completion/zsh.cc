#include <algorithm>
#include <string_view>

#include "etc/completion/shells.h"

namespace grey::completion {
namespace {

using Kind = Value::Kind;

// Inside single quotes, where `special` have a meaning for _arguments or _describe.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// ":FILE:_files"
std::string value_text(const Value& value) {
  std::string text = ":" + escaped(value.name.empty() ? "value" : value.name, "\\:") + ":";
  switch (value.kind) {
    case Kind::flag:
      return "";
    case Kind::word:
      // A value is to follow an equals sign.
      if (std::ranges::any_of(value.words, [](const auto& word) { return word.ends_with('='); })) {
        return text + "{compadd -S \"\" - " + joined(value.words) + "}";
      }
      return text + "(" + joined(value.words) + ")";
    case Kind::file:
      return text + "_files";
    case Kind::directory:
      return text + "_path_files -/";  // _files would offer files where no directory fits
    case Kind::user:
      return text + "_users";
    case Kind::group:
      return text + "_groups";
    case Kind::other:
      break;
  }
  return text + " ";
}

// "'(-m --min-resend)--min-resend=[a retry before this age is early]:MINUTES: '"
void add_option(const Option& option, std::vector<std::string>& specs) {
  for (const std::string& name : option.names) {
    std::string spec = option.repeated ? "*" : "(" + joined(option.names) + ")";
    spec += name;
    if (option.value.kind != Kind::flag) spec += name.starts_with("--") ? "=" : "+";
    spec += "[" + escaped(option.help, "\\[]:") + "]" + value_text(option.value);
    specs.push_back("'" + spec + "'");
  }
}

std::string arguments_call(const std::vector<std::string>& specs, const std::string& start,
                           const std::string& indent) {
  std::string text = indent + "_arguments " + start;
  for (const std::string& spec : specs) text += " \\\n" + indent + "  " + spec;
  return text;
}

std::vector<std::string> specs_of(const Command& command) {
  std::vector<std::string> specs;
  for (const Option& option : command.options) add_option(option, specs);
  std::size_t number = 0;
  for (const Argument& argument : command.arguments) {
    const std::string place = argument.repeated ? "*" : std::to_string(++number);
    // A message about what is to be typed would keep an option from being completed there.
    const bool known = argument.value.kind != Kind::other;
    const std::string value =
        known ? value_text(argument.value) : ":" + argument.value.name + ":()";
    specs.push_back("'" + place + value + "'");
  }
  return specs;
}

std::string with_commands(const Command& program) {
  std::vector<std::string> specs = specs_of(program);
  specs.emplace_back("'1: :->command'");
  specs.emplace_back("'*:: :->rest'");
  std::string text = "local context state state_descr line\nlocal -A opt_args\nlocal -a commands\n";
  text += arguments_call(specs, "-C -s", "") + " && return\n";
  text += "case $state in\n  command)\n    commands=(\n";
  for (const Command& command : program.commands) {
    text += "      '" + command.name + ":" + escaped(command.help, "\\:") + "'\n";
  }
  text += "    )\n    _describe command commands\n    ;;\n  rest)\n    case $words[1] in\n";
  for (const Command& command : program.commands) {
    text += "      " + command.name + ")\n";
    text += arguments_call(specs_of(command), "-s", "        ") + "\n        ;;\n";
  }
  return text + "    esac\n    ;;\nesac\n";
}

}  // namespace

std::string zsh_completion(const Command& program, const std::vector<std::string>& names) {
  std::string text = "#compdef " + joined(names) + "\n# Completion for zsh, written from the " +
                     "program's table of options.\n";
  if (!program.commands.empty()) return text + with_commands(program);
  return text + arguments_call(specs_of(program), "-s", "") + "\n";
}

}  // namespace grey::completion

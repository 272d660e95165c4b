#include <algorithm>
#include <string_view>

#include "etc/completion/shells.h"

namespace grey::completion {
namespace {

using Kind = Value::Kind;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// "kind=word words='always second never'"
std::string value_text(const Value& value) {
  switch (value.kind) {
    case Kind::flag:
      return "kind=";
    case Kind::word:
      return "kind=word words='" + joined(value.words) + "'";
    case Kind::file:
      return "kind=file";
    case Kind::directory:
      return "kind=directory";
    case Kind::user:
      return "kind=user";
    case Kind::group:
      return "kind=group";
    case Kind::other:
      break;
  }
  return "kind=other";
}

// Lines of a case over "COMMAND OPTION".
void add_values(const Command& command, const std::string& name, std::string& text) {
  for (const Option& option : command.options) {
    std::string pattern;
    for (const std::string& spelling : option.names) {
      pattern += (pattern.empty() ? "'" : " | '") + name + " " + spelling + "'";
    }
    text += "    " + pattern + ") " + value_text(option.value) + " ;;\n";
  }
}

// Lines of a case over "COMMAND NUMBER".
void add_arguments(const Command& command, const std::string& name, std::string& text) {
  if (!command.commands.empty()) {
    std::vector<std::string> names;
    for (const Command& below : command.commands) names.push_back(below.name);
    text += "    '" + name + " '*) kind=word words='" + joined(names) + "' ;;\n";
  }
  std::size_t number = 0;
  for (const Argument& argument : command.arguments) {
    const std::string pattern =
        argument.repeated ? "'" + name + " '*" : "'" + name + " " + std::to_string(number) + "'";
    text += "    " + pattern + ") " + value_text(argument.value) + " ;;\n";
    ++number;
  }
}

void add_options(const Command& command, const std::string& name, std::string& text) {
  std::vector<std::string> names;
  for (const Option& option : command.options) names.push_back(option.names.front());
  text += "    '" + name + "') words='" + joined(names) + "' ;;\n";
}

std::string with(std::string text, std::string_view mark, std::string_view value) {
  for (std::size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
  return text;
}

constexpr const char* kTables = R"sh(
# What an option takes, what an argument is, and which options there are: each sets kind and words.
_@ID@_value() { # command option
  kind='' words=''
  case "$1 $2" in
@VALUES@  esac
}
_@ID@_argument() { # command number
  kind=other words=''
  case "$1 $2" in
@ARGUMENTS@  esac
}
_@ID@_options() { # command
  kind=word words=''
  case $1 in
@OPTIONS@  esac
}
)sh";

constexpr const char* kFunction = R"sh(
_@ID@() {
  local line=${COMP_LINE:0:COMP_POINT} parts=() part i before=''
  local command='' kind='' words='' arguments=0
  COMPREPLY=()
  # What COMP_WORDBREAKS has taken apart, as "--sync=a" or "2001:db8::1", is one word again.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    part=${COMP_WORDS[i]}
    if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      parts+=('')
    fi
    ((i < COMP_CWORD)) || part=$line
    parts[${#parts[@]}-1]+=$part
    line=${line#"$part"}
  done
  local last=$((${#parts[@]} - 1))
  for ((i = 1; i < last; i++)); do
    part=${parts[i]}
    if [[ $kind ]]; then
      kind='' # the value of the option before
    elif [[ $part == --*=* ]]; then
      :
    elif [[ $part == -?* ]]; then
      _@ID@_value "$command" "$part"
    elif [[ -z $command && " @COMMANDS@ " == *" $part "* ]]; then
      command=$part
    else
      arguments=$((arguments + 1))
    fi
  done
  part=${parts[last]}
  if [[ -z $kind && $part == --*=* ]]; then
    before=${part%%=*}=
    _@ID@_value "$command" "${part%%=*}"
    part=${part#*=}
  elif [[ -z $kind && $part == -* ]]; then
    _@ID@_options "$command"
  elif [[ -z $kind ]]; then
    _@ID@_argument "$command" "$arguments"
  fi
  # Names of files are left to readline, which quotes what has to be.
  case $kind in
    word)
      while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$part")
      [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
      ;;
    user) while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -u -- "$part") ;;
    group) while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -g -- "$part") ;;
    file) compopt -o default 2>/dev/null ;;
    directory) compopt -o dirnames 2>/dev/null ;;
  esac
  # What is before the last break stays as it is.
  [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$before}")
}
complete -F _@ID@ @NAMES@
)sh";

}  // namespace

std::string bash_completion(const Command& program, const std::vector<std::string>& names) {
  std::string id = program.name;
  std::ranges::replace(id, '-', '_');
  std::string values, arguments, options;
  std::vector<std::string> commands;
  for (const Command& below : program.commands) {
    commands.push_back(below.name);
    add_values(below, below.name, values);
    add_arguments(below, below.name, arguments);
    add_options(below, below.name, options);
  }
  add_values(program, "", values);
  add_arguments(program, "", arguments);
  add_options(program, "", options);
  std::string text = "# Completion of " + joined(names) +
                     " for bash, written from the program's table of options.\n";
  text += kTables;
  text += kFunction;
  text = with(std::move(text), "@VALUES@", values);
  text = with(std::move(text), "@ARGUMENTS@", arguments);
  text = with(std::move(text), "@OPTIONS@", options);
  text = with(std::move(text), "@COMMANDS@", commands.empty() ? ":" : joined(commands));
  text = with(std::move(text), "@ID@", id);
  return with(std::move(text), "@NAMES@", joined(names));
}

}  // namespace grey::completion

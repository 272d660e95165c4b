// What a program can be called with, as completion needs it: its table of options as CLI11 has it,
// in plain values. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace grey::completion {

// What an option takes, or what an argument is.
struct Value {
  enum class Kind {
    flag,  // an option that takes nothing
    word,  // one of `words`
    file,
    directory,
    user,
    group,
    other,  // nothing is known about it
  };
  Kind kind = Kind::other;
  std::string name;  // in the help: "FILE"
  std::vector<std::string> words;
};

struct Option {
  std::vector<std::string> names;  // "--min-resend", "-m"; the first is shown
  std::string help;
  Value value;
  bool repeated = false;  // each of several counts
};

struct Argument {
  Value value;
  std::string help;
  bool repeated = false;  // all that follow are the same
};

struct Command {
  std::string name;  // of the program, or "list"
  std::string help;
  std::vector<Option> options;
  std::vector<Argument> arguments;
  std::vector<Command> commands;
};

// The words of values that CLI11 cannot know: by option ("--supervise"), by the name of the value
// ("STATE") or of the argument ("BY").
using Words = std::map<std::string, std::vector<std::string>, std::less<>>;

// "a|b|c"
std::vector<std::string> split(std::string_view text, char separator);

Command table_of(const CLI::App& app, const Words& words);

}  // namespace grey::completion

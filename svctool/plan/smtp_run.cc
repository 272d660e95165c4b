#include "svctool/plan/smtp_run.h"

#include <algorithm>
#include <map>

namespace grey::svctool {
namespace {

// tcpserver(1) and its kind, and the options with an argument that they have in common.
constexpr std::string_view kServers[] = {"tcpserver", "sslserver", "tcpsvd"};
constexpr std::string_view kWithArgument = "bBcgIltux";

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool is_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

using Variables = std::map<std::string, std::string, std::less<>>;
using ValueOf = std::function<std::optional<std::string>(const std::string&)>;

// With $NAME and ${NAME} replaced. Nothing when there is more to it, or a value is not known.
std::optional<std::string> expand(std::string_view word, const Variables& set,
                                  const ValueOf& value_of) {
  std::string text;
  while (!word.empty()) {
    if (word[0] == '`') return std::nullopt;
    if (word[0] != '$') {
      text += word[0];
      word.remove_prefix(1);
      continue;
    }
    word.remove_prefix(1);
    std::string_view name;
    if (word.starts_with('{')) {
      const std::size_t end = word.find('}');
      if (end == word.npos) return std::nullopt;
      name = word.substr(1, end - 1);
      word.remove_prefix(end + 1);
    } else {
      std::size_t size = 0;
      while (size < word.size() && is_name(word.substr(0, size + 1))) ++size;
      name = word.substr(0, size);
      word.remove_prefix(size);
    }
    if (!is_name(name)) return std::nullopt;
    const auto own = set.find(name);
    const auto value = own != set.end() ? own->second : value_of(std::string(name));
    if (!value || value->find_first_of("$`") != value->npos) return std::nullopt;
    text += *value;
  }
  return text;
}

// The greylisting programs and plugins of this project have names that say so.
bool names_asker(std::string_view word) {
  const std::string_view name = base_name(word);
  return name == "greysmtpd" || name == "greyspp" || name.find("greylist") != name.npos;
}

// The words of the command that follows; `at` is behind the server's name.
void read_server(const std::vector<std::string>& words, std::size_t at, const Variables& set,
                 const ValueOf& value_of, SmtpRun& run) {
  run.has_server = true;
  for (; at < words.size() && words[at].size() > 1 && words[at][0] == '-'; ++at) {
    const std::string& option = words[at];
    for (std::size_t i = 1; i < option.size(); ++i) {
      if (kWithArgument.find(option[i]) == kWithArgument.npos) continue;
      const bool apart = i + 1 == option.size();
      if (apart && (++at >= words.size() || words[at] == kEndOfCommand)) return;
      if (option[i] == 'x') {
        const auto file = expand(apart ? words[at] : option.substr(i + 1), set, value_of);
        run.cdb_unknown = !file;
        run.cdb = file.value_or("");
      }
      break;
    }
  }
  for (; at < words.size() && words[at] != kEndOfCommand; ++at) {
    // An option of one server alone may have ended the look at them above.
    const bool late = run.cdb.empty() && !run.cdb_unknown && words[at].starts_with('-') &&
                      words[at].ends_with('x') && at + 1 < words.size() &&
                      words[at + 1].ends_with(".cdb");
    if (late) run.cdb = expand(words[at + 1], set, value_of).value_or("");
    const auto word = expand(words[at], set, value_of);
    if (!word || word->empty()) continue;
    run.asks = run.asks || names_asker(*word);
    run.programs.push_back(*word);
  }
}

}  // namespace

std::vector<std::string> shell_words(std::string_view script) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  const auto end_word = [&] {
    if (begun) words.push_back(std::move(word));
    word.clear();
    begun = false;
  };
  const auto end_command = [&] {
    end_word();
    if (!words.empty() && words.back() != kEndOfCommand) words.emplace_back(kEndOfCommand);
  };
  for (std::size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (c == '\\' && i + 1 < script.size()) {
      ++i;
      if (script[i] == '\n') continue;
      word += script[i];
      begun = true;
    } else if (c == '\'' || c == '"') {
      begun = true;
      for (++i; i < script.size() && script[i] != c; ++i) {
        if (c == '"' && script[i] == '\\' && i + 1 < script.size()) ++i;
        word += script[i];
      }
    } else if (c == '#' && !begun) {
      while (i < script.size() && script[i] != '\n') ++i;
      end_command();
    } else if (c == '\n' || c == ';' || c == '|' || c == '&') {
      end_command();
    } else if (c == ' ' || c == '\t' || c == '\r') {
      end_word();
    } else {
      word += c;
      begun = true;
    }
  }
  end_command();
  return words;
}

SmtpRun parse_smtp_run(std::string_view script, const ValueOf& value_of) {
  SmtpRun run;
  Variables set;
  const auto words = shell_words(script);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::size_t equals = word.find('=');
    if (equals != word.npos && is_name(word.substr(0, equals))) {
      // What the script computes is not known, and what it had before not either.
      const auto value = expand(word.substr(equals + 1), set, value_of);
      set[word.substr(0, equals)] = value ? *value : "`";
    } else if (std::ranges::find(kServers, base_name(word)) != std::end(kServers)) {
      read_server(words, i + 1, set, value_of, run);
    } else {
      run.asks = run.asks || names_asker(word);
    }
  }
  return run;
}

}  // namespace grey::svctool

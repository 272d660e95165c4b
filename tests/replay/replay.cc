#include "tests/replay/replay.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/front_settings.h"
#include "greyd/options.h"
#include "greyd/service/service.h"
#include "tests/temporary_directory.h"

namespace grey::testing {
namespace {

// What a script does not allow, or what did not happen as it says.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::istringstream stream(text);
  std::vector<std::string> parts;
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// "4m59s"
Seconds parse_time(const std::string& text) {
  Seconds total = 0, number = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + (c - '0');
      continue;
    }
    const Seconds unit = c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : 0;
    if (unit == 0) throw Failed("not a time: " + text);
    total += number * unit;
    number = 0;
  }
  return total;
}

std::string bytes_of(const std::string& word) {
  const auto bytes = read_word(word);
  if (!bytes) throw Failed("not a word: " + word);
  return *bytes;
}

std::string shown(std::optional<Seconds> wait) {
  return wait ? std::to_string(*wait) : "none";
}

class Player {
 public:
  void play(const std::string& line) {
    const std::size_t comment = line.starts_with('#') ? 0 : line.find("# ");
    const std::vector<std::string> words = words_of(line.substr(0, comment));
    if (words.empty()) return;
    const std::string& verb = words[0];
    if (verb == "options") {
      arguments_.insert(arguments_.end(), words.begin() + 1, words.end());
    } else if (verb == "program") {
      arguments_[0] = words.at(1);
    } else if (verb == "whitelist" || verb == "blacklist") {
      add_entry(verb, words);
    } else if (verb == "rule") {
      add_entry("rules", words);
    } else if (verb == "whitelist-clear" || verb == "rules-clear") {
      std::ofstream(directory_ / verb.substr(0, verb.find('-')), std::ios::trunc);
    } else if (verb == "copy-context") {
      std::filesystem::copy_file(std::string(TEST_DATA "/data/") + words.at(1),
                                 directory_ / "context",
                                 std::filesystem::copy_options::overwrite_existing);
    } else if (verb == "start" || verb == "kill") {
      start();  // what is in memory alone is lost
    } else if (verb[0] == '+') {
      now_ += parse_time(verb.substr(1));
      monotonic_ += parse_time(verb.substr(1));
    } else if (verb[0] == '-') {
      now_ -= parse_time(verb.substr(1));
    } else if (verb == "leap") {
      now_ += parse_time(words.at(1));
    } else if (service_ == nullptr) {
      throw Failed("nothing is started");
    } else {
      play_running(words);
    }
  }

  bool has_asked() const { return asked_; }

 private:
  void add_entry(const std::string& file, const std::vector<std::string>& words) {
    std::ofstream out(directory_ / file, std::ios::app);
    for (std::size_t i = 1; i < words.size(); ++i) out << words[i] << ' ';
    out << '\n';
  }

  void start() {
    std::vector<std::string> arguments = arguments_;
    for (const char* list : {"whitelist", "blacklist", "rules"}) {
      if (std::filesystem::exists(directory_ / list)) {
        arguments.push_back(std::string("--") + list + "=" + list);
      }
    }
    arguments.insert(arguments.end(), {"127.0.0.1", "context"});
    const auto command_line = parse_command_line(arguments, directory_.path());
    if (!command_line) throw Failed(command_line.error().text);
    const Options& options = command_line->options;
    service_.reset();
    service_ = std::make_unique<Service>(
        service_settings(options), HashKey{}, background_,
        [](StateFiles::Level level, const std::string& text) {
          if (level == StateFiles::Level::error && !text.starts_with("clock leapt"))
            throw Failed(text);
        },
        counters_);
    if (const auto lists = service_->reload_lists(); !lists) throw Failed(lists.error().text);
    if (const auto loaded = service_->load(now_, monotonic_); !loaded)
      throw Failed(loaded.error().text);
  }

  void play_running(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    service_->look_at_clocks(now_, monotonic_);
    if (verb == "save") {
      service_->files().start_save();
      while (service_->files().saving()) service_->files().save_slice(1);
    } else if (verb == "restart") {
      if (const auto saved = service_->files().save_all(); !saved) throw Failed(saved.error().text);
      start();
    } else if (verb == "reload" || verb == "reload-fails") {
      Result<std::size_t> lists;
      service_->start_reload([&](const Result<std::size_t>& reloaded) { lists = reloaded; });
      if (lists.has_value() != (verb == "reload")) {
        throw Failed(lists ? "the lists are good" : lists.error().text);
      }
    } else if (verb == "expire") {
      service_->expire(now_, SIZE_MAX);
    } else if (verb == "records") {
      const std::size_t records = service_->greylist().table().size();
      if (std::to_string(records) != words.at(1)) {
        throw Failed("there are " + std::to_string(records) + " records");
      }
    } else {
      query(words);
    }
  }

  void query(const std::vector<std::string>& words) {
    const std::string client = words.at(0) == "<>" ? "" : words.at(0);
    std::string datagram = "I" + client + '\0' + "F" + bytes_of(words.at(1)) + '\0';
    for (const std::string& recipient : split(words.at(2) == "()" ? "" : words.at(2), ',')) {
      datagram += "T" + bytes_of(recipient) + '\0';
    }
    std::size_t at = 3;
    if (words.at(at).starts_with("name=")) datagram += "N" + words[at++].substr(5) + '\0';
    if (words.at(at) == "probe") {
      datagram += std::string("P") + '\0';
      ++at;
    }
    if (words.at(at++) != ":") throw Failed("a query needs a ':' before its answer");

    wire::Query query;
    const bool greydaemon = service_->greylist().policy().personality == Personality::greydaemon;
    const wire::Fault fault = wire::parse(
        datagram, query, greydaemon ? wire::Dialect::greydaemon : wire::Dialect::qmail_greyd);
    if (fault != wire::Fault::none) throw Failed("fault " + std::string(to_string(fault)));
    Decided decision;
    service_->decide({&query, 1}, now_,
                     [&](std::size_t, const Decided& decided) { decision = decided; });
    std::string expected, got(to_string(decision.verdict));
    got.append(" ").append(to_string(decision.reason));
    for (std::size_t i = at; i < words.size(); ++i) {
      if (words[i].starts_with("age=")) got += " age=" + std::to_string(decision.age);
      if (words[i].starts_with("wait=")) got += " wait=" + shown(decision.wait);
      if (words[i].starts_with("rule=")) got += " rule=" + std::to_string(decision.rule.line);
      if (words[i].starts_with("text=")) got += " text=" + to_word(decision.text());
      expected += (i > at ? " " : "") + words[i];
    }
    asked_ = true;
    if (got != expected) throw Failed("expected \"" + expected + "\", got \"" + got + "\"");
  }

  TemporaryDirectory directory_;
  InlineBackground background_;
  Counters counters_;
  std::vector<std::string> arguments_ = {"qmail-greyd"};
  Seconds now_ = 1'000'000'000, monotonic_ = 5000;
  std::unique_ptr<Service> service_;
  bool asked_ = false;
};

}  // namespace

std::string replay(const std::string& script_path) {
  std::ifstream script(script_path);
  if (!script) return script_path + ": cannot be opened";
  const std::string name = std::filesystem::path(script_path).filename();
  Player player;
  std::size_t number = 0;
  for (std::string line; std::getline(script, line);) {
    ++number;
    try {
      player.play(line);
    } catch (const std::exception& error) {
      return name + ":" + std::to_string(number) + ": " + error.what();
    }
  }
  return player.has_asked() ? "" : name + ": asks nothing";
}

}  // namespace grey::testing

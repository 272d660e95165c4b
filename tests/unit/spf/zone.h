// A DNS of a few lines for tests of what asks one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/spf/flattening.h"

namespace grey::spf {

class Zone {
 public:
  // "NAME txt TEXT", "NAME a ADDRESS", "NAME aaaa ADDRESS", "NAME mx HOST", "NAME fails TYPE", each
  // with a TTL of 3600 or, before it, its own: "NAME 60 txt TEXT". A TEXT is cut into strings at
  // each "|".
  Zone(std::initializer_list<const char*> lines) {
    for (const char* line : lines) add(line);
  }

  void add(std::string_view line) {
    const std::string name = take(line);
    std::string type = take(line);
    Seconds ttl = 3600;
    if (type.find_first_not_of("0123456789") == std::string::npos) {
      ttl = std::stoll(type);
      type = take(line);
    }
    if (type == "fails") {
      answers_[{name, type_named(line)}].kind = Answer::Kind::temporary;
      return;
    }
    Answer& answer = answers_[{name, type_named(type)}];
    answer.kind = Answer::Kind::found;
    answer.ttl = ttl;
    answer.data.push_back(data_of(type, line));
  }

  Answer ask(const Question& question) const {
    const auto at = answers_.find({question.name, question.type});
    return at == answers_.end() ? Answer{Answer::Kind::nothing, 3600, {}} : at->second;
  }

  struct Outcome {
    Flattened flattened;
    std::size_t questions = 0, waves = 0, widest = 0;
  };
  Outcome flatten(std::string_view domain) const {
    Outcome outcome;
    Flattening flattening(domain);
    while (!flattening.done()) {
      const std::vector<Question> wave = flattening.questions();
      ++outcome.waves;
      outcome.questions += wave.size();
      outcome.widest = std::max(outcome.widest, wave.size());
      // The order in which they come is nobody's choice.
      for (std::size_t i = wave.size(); i-- > 0;) flattening.answer(i, ask(wave[i]));
    }
    outcome.flattened = flattening.result();
    return outcome;
  }

 private:
  static std::string take(std::string_view& line) {
    const std::size_t end = line.find(' ');
    std::string word(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
  }
  static Type type_named(std::string_view name) {
    return name == "txt" ? Type::txt : name == "mx" ? Type::mx : name == "a" ? Type::a : Type::aaaa;
  }
  static std::string data_of(std::string_view type, std::string_view text) {
    std::string data;
    if (type == "a" || type == "aaaa") {
      const auto bytes = Ip::parse(text).value_or(Ip()).bytes();
      const std::size_t skipped = type == "a" ? 12 : 0;
      return {bytes.begin() + skipped, bytes.end()};
    }
    const char separator = type == "mx" ? '.' : '|';
    if (type == "mx") data = std::string("\0\5", 2);
    for (; !text.empty();) {
      std::string_view part = text.substr(0, text.find(separator));
      text.remove_prefix(std::min(part.size() + 1, text.size()));
      for (; part.size() > 255; part.remove_prefix(255)) {
        data.append(1, char(255)).append(part.substr(0, 255));
      }
      data.append(1, char(part.size())).append(part);
    }
    return type == "mx" ? data + '\0' : data;
  }

  std::map<std::pair<std::string, Type>, Answer> answers_;
};

// "whole 192.0.2.0/24 2001:db8::/32"
inline std::string shown(const Flattened& flattened) {
  std::string text(to_string(flattened.ended));
  for (const Network& network : flattened.networks) text += ' ' + to_string(network);
  return text;
}

}  // namespace grey::spf

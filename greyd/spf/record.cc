#include "greyd/spf/record.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/spf/dns_data.h"

namespace grey::spf {
namespace {

constexpr std::string_view kVersion = "v=spf1";

bool is_letter(char c) {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "24" of "/24": no sign, no zero before others.
std::optional<unsigned> read_prefix(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 3 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  unsigned prefix = 0;
  std::from_chars(text.data(), text.data() + text.size(), prefix);
  return prefix <= most ? std::optional(prefix) : std::nullopt;
}

// The name of a modifier, "redirect" of "redirect=example.com"; empty: it is none.
std::string_view modifier_of(std::string_view term) {
  const std::size_t end = term.find('=');
  if (end == std::string_view::npos || end == 0 || !is_letter(term.front())) return {};
  const std::string_view name = term.substr(0, end);
  const auto fits = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  };
  return std::ranges::all_of(name, fits) ? name : std::string_view();
}

bool read_network(std::string_view text, bool v4, Network& network) {
  const std::size_t slash = text.find('/');
  const auto ip = Ip::parse(text.substr(0, slash));
  if (!ip || v4 == (text.find(':') != std::string_view::npos)) return false;
  const unsigned most = v4 ? 32 : 128;
  const auto prefix = slash == std::string_view::npos ? std::optional(most)
                                                      : read_prefix(text.substr(slash + 1), most);
  if (!prefix) return false;
  network.prefix = *prefix + (v4 ? Ip::kV4Bits : 0);
  network.address = ip->network(network.prefix);
  return true;
}

// "/24", "//64", "/24//64" behind a and mx.
bool read_prefixes(std::string_view text, Term& term) {
  const std::size_t v6_at = text.find("//");
  if (v6_at != std::string_view::npos) {
    const auto prefix = read_prefix(text.substr(v6_at + 2), 128);
    if (!prefix) return false;
    term.v6_prefix = *prefix;
    text = text.substr(0, v6_at);
  }
  if (text.empty()) return true;
  const auto prefix = read_prefix(text.substr(1), 32);
  if (prefix) term.v4_prefix = *prefix;
  return prefix.has_value();
}

enum class Domain { none, may, must };
struct Kind {
  std::string_view name;
  Mechanism mechanism;
  Domain domain;
  bool prefixes;
};
constexpr Kind kKinds[] = {
    {"all", Mechanism::all, Domain::none, false},
    {"a", Mechanism::a, Domain::may, true},
    {"mx", Mechanism::mx, Domain::may, true},
    {"include", Mechanism::include, Domain::must, false},
    {"exists", Mechanism::uncertain, Domain::must, false},
    {"ptr", Mechanism::uncertain, Domain::may, false},
};

// What stands behind the name of a mechanism: ":example.com/24".
bool read_rest(std::string_view rest, const Kind& kind, Term& term) {
  const std::size_t slash = kind.prefixes ? rest.find('/') : std::string_view::npos;
  if (slash != std::string_view::npos) {
    if (!read_prefixes(rest.substr(slash), term)) return false;
    rest = rest.substr(0, slash);
  }
  if (rest.empty()) return kind.domain != Domain::must;
  if (kind.domain == Domain::none || rest.front() != ':') return false;
  auto name = read_name(rest.substr(1));
  if (!name) return false;
  term.domain = std::move(*name);
  return true;
}

// REQUIRES: a word.
Term take_qualifier(std::string_view& word) {
  Term term;
  if (const char c = word.front(); c == '+' || c == '-' || c == '~' || c == '?') {
    term.passes = c == '+';
    word.remove_prefix(1);
  }
  return term;
}

// With a macro: of the client or the sender, whom nobody has here.
Term uncertain_term(std::string_view word) {
  Term term = take_qualifier(word);
  term.mechanism = Mechanism::uncertain;
  return term;
}

std::optional<Term> read_term(std::string_view text) {
  Term term = take_qualifier(text);
  const std::size_t end = std::min(text.find_first_of(":/"), text.size());
  const std::string name = to_lower(text.substr(0, end));
  const std::string_view rest = text.substr(end);
  if (name == "ip4" || name == "ip6") {
    term.mechanism = Mechanism::ip4_ip6;
    const bool good =
        rest.starts_with(':') && read_network(rest.substr(1), name == "ip4", term.network);
    return good ? std::optional(std::move(term)) : std::nullopt;
  }
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    term.mechanism = kind.mechanism;
    return read_rest(rest, kind, term) ? std::optional(std::move(term)) : std::nullopt;
  }
  return std::nullopt;
}

// The modifiers of a record: each of the two that have a meaning once.
class Modifiers {
 public:
  bool take(std::string_view name, std::string_view value, bool macro, Record& record) {
    const std::string folded = to_lower(name);
    if (folded == "exp") return !std::exchange(has_exp_, true);
    if (folded != "redirect") return true;
    if (std::exchange(has_redirect_, true)) return false;
    if (macro) return true;
    auto target = read_name(value);
    if (target) record.redirect = std::move(*target);
    return target.has_value();
  }

 private:
  bool has_exp_ = false, has_redirect_ = false;
};

}  // namespace

bool is_record(std::string_view text) {
  if (to_lower(text.substr(0, kVersion.size())) != kVersion) return false;
  return text.size() == kVersion.size() || text[kVersion.size()] == ' ';
}

std::optional<Record> read_record(std::string_view text) {
  if (text.size() > kMaxRecord) return std::nullopt;
  text.remove_prefix(kVersion.size());
  Record record;
  Modifiers modifiers;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return record;
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    if (!std::ranges::all_of(word, [](char c) { return c > ' ' && c < '\x7f'; })) return {};
    const bool macro = word.find('%') != std::string_view::npos;
    if (const std::string_view name = modifier_of(word); !name.empty()) {
      if (!modifiers.take(name, word.substr(name.size() + 1), macro, record)) return {};
    } else if (macro) {
      record.terms.push_back(uncertain_term(word));
    } else {
      auto term = read_term(word);
      if (!term) return {};
      record.terms.push_back(std::move(*term));
    }
  }
}

}  // namespace grey::spf

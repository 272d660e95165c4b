#include "svctool/plan/rules_search.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>

#include "greyd/lists/network_set.h"
#include "greyd/wire/ip.h"

namespace grey::svctool {
namespace {

constexpr unsigned long kMostInRange = 255;  // tcprules takes a higher end for this

// As tcprules reads the ends of a range: nothing is 0. Nothing for what it refuses.
std::optional<unsigned long> range_end(std::string_view digits) {
  unsigned long value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return kMostInRange + 1;
  return value;
}

bool is_prefix(std::string_view key) {
  return (key.ends_with('.') || key.ends_with(':')) && key.find_first_of("=@") == key.npos;
}
bool is_ip(std::string_view key) {
  return !key.empty() && !is_prefix(key) && key.find_first_of("=@") == key.npos;
}
bool is_host(std::string_view key) {
  return key.size() > 1 && key[0] == '=' && key[1] != '.' && key.find('@') == key.npos;
}
bool is_suffix(std::string_view key) {
  return key.starts_with("=.") && key.find('@') == key.npos;
}

// What the address of a rule tells of the clients that come to it.
struct Clients {
  enum class Step { info_ip, info_host, ip, host, prefix, suffix, named, all };
  Step found_at = Step::all;
  std::optional<std::string_view> info;
  std::optional<std::string_view> ip;    // or how it begins
  std::optional<std::string_view> host;  // or how it ends; without the equals sign
};

Clients clients_of(std::string_view key) {
  using Step = Clients::Step;
  Clients clients;
  if (const std::size_t at = key.find('@'); at != key.npos) {
    clients.info = key.substr(0, at);
    key.remove_prefix(at + 1);
    const bool named = key.starts_with('=');
    clients.found_at = named ? Step::info_host : Step::info_ip;
    named ? clients.host = key.substr(1) : clients.ip = key;
  } else if (key.starts_with('=')) {
    clients.host = key.substr(1);
    clients.found_at = key == "=" ? Step::named : is_suffix(key) ? Step::suffix : Step::host;
  } else if (!key.empty()) {
    clients.ip = key;
    clients.found_at = is_prefix(key) ? Step::prefix : Step::ip;
  }
  return clients;
}

// Goes through tcpserver's steps after the one at which the clients would find the new rule.
class Search {
 public:
  Search(const RuleIndex& rules, const Clients& clients) : rules_(rules), clients_(clients) {}

  std::vector<const Rule*> run() {
    using Step = Clients::Step;
    // Each says whether no client goes on to the next step.
    const struct {
      Step step;
      bool (Search::*look)();
    } steps[] = {{Step::info_host, &Search::look_for_info_host},
                 {Step::ip, &Search::look_for_ip},
                 {Step::host, &Search::look_for_host},
                 {Step::prefix, &Search::look_for_prefixes},
                 {Step::suffix, &Search::look_for_suffixes},
                 {Step::named, &Search::look_for_named},
                 {Step::all, &Search::look_for_all}};
    for (const auto& [step, look] : steps) {
      // Of prefixes and suffixes those that are shorter than the new rule's come after it.
      const bool later =
          step > clients_.found_at ||
          (step == clients_.found_at && (step == Step::prefix || step == Step::suffix));
      if (later && (this->*look)()) return found();
    }
    found_.insert({0, nullptr});
    return found();
  }

 private:
  bool certain(const std::string& key) {
    const Rule* rule = rules_.find(key);
    if (rule != nullptr) found_.insert({rule->line, rule});
    return rule != nullptr;
  }
  template <typename Predicate>
  bool perhaps(Predicate predicate) {
    for (const auto& [key, rule] : rules_.all()) {
      if (predicate(key)) found_.insert({rule->line, rule});
    }
    return false;
  }

  bool look_for_info_host() {
    if (!clients_.info) return false;
    const std::string begin = std::string(*clients_.info) + "@=";
    return perhaps([&](std::string_view key) { return key.starts_with(begin); });
  }
  bool look_for_ip() { return clients_.ip ? certain(std::string(*clients_.ip)) : perhaps(is_ip); }
  bool look_for_host() {
    return clients_.host ? certain("=" + std::string(*clients_.host)) : perhaps(is_host);
  }
  bool look_for_prefixes() {
    if (!clients_.ip) {
      return perhaps([](std::string_view key) {
        return is_prefix(key) || (is_ip(key) && key.find('/') != key.npos);
      });
    }
    const std::string_view ip = *clients_.ip;
    for (std::size_t size = ip.size(); size-- > 1;) {
      if (is_prefix(ip.substr(0, size)) && certain(std::string(ip.substr(0, size)))) return true;
    }
    return perhaps([&](std::string_view key) { return is_network_with(key, ip); });
  }
  bool look_for_suffixes() {
    if (!clients_.host) return perhaps(is_suffix);
    const std::string_view host = *clients_.host;
    const std::size_t first = clients_.found_at == Clients::Step::suffix ? 1 : 0;
    for (std::size_t at = host.find('.', first); at != host.npos; at = host.find('.', at + 1)) {
      if (certain("=" + std::string(host.substr(at)))) return true;
    }
    return false;
  }
  bool look_for_named() {
    if (clients_.host) return certain("=");
    return perhaps([](std::string_view key) { return key == "="; });
  }
  bool look_for_all() { return clients_.found_at != Clients::Step::all && certain(""); }

  // Whether `key` is written as a network and some client of `ip` is in it.
  static bool is_network_with(std::string_view key, std::string_view ip) {
    NetworkSet network;
    if (key.find('/') == key.npos || !network.add(key)) return false;
    network.build();
    if (const auto whole = Ip::parse(ip)) return network.contains(*whole);
    if (key.starts_with(ip)) return true;
    std::string first(ip);
    for (auto dots = std::ranges::count(ip, '.'); dots < 3; ++dots) first += "0.";
    first += ip.find(':') == ip.npos ? "0" : ":";
    const auto lowest = Ip::parse(first);
    return !lowest || network.contains(*lowest);
  }

  std::vector<const Rule*> found() const {
    std::vector<const Rule*> rules;
    for (const auto& [line, rule] : found_) rules.push_back(rule);
    return rules;
  }

  const RuleIndex& rules_;
  const Clients& clients_;
  std::set<std::pair<std::size_t, const Rule*>> found_;
};

// As ucspi-tcp-ipv6 writes it: of the longest run of zero parts the first is left out, a single
// one, too.
std::string tcpserver_text(const Ip& ip) {
  const auto part = [&ip](std::size_t i) { return ip.bytes()[2 * i] << 8 | ip.bytes()[2 * i + 1]; };
  std::size_t begin = 0, longest = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t n = 0;
    while (i + n < 8 && part(i + n) == 0) ++n;
    if (n > longest) begin = i, longest = n;
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (longest > 0 && i == begin) {
      text += text.empty() ? "::" : ":";
      i += longest - 1;
      continue;
    }
    char digits[8];
    std::snprintf(digits, sizeof digits, "%x", unsigned(part(i)));
    text.append(digits).append(i < 7 ? ":" : "");
  }
  return text;
}

}  // namespace

std::vector<std::string> keys_of(std::string_view address) {
  const std::size_t dash = address.find('-');
  if (dash == address.npos || address.find_first_of("=@") != address.npos) {
    return {std::string(address)};
  }
  const std::size_t left = address.rfind('.', dash) + 1;  // npos + 1 is 0
  const std::size_t right = std::min(address.find('.', dash), address.size());
  const auto low = range_end(address.substr(left, dash - left));
  const auto high = range_end(address.substr(dash + 1, right - dash - 1));
  if (!low || !high) return {std::string(address)};
  std::vector<std::string> keys;
  for (unsigned long n = *low; n <= std::min(*high, kMostInRange); ++n) {
    std::string key(address.substr(0, left));
    keys.push_back(key.append(std::to_string(n)).append(address.substr(right)));
  }
  return keys;
}

RuleIndex::RuleIndex(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    for (std::string& key : keys_of(rule.address)) by_key_.try_emplace(std::move(key), &rule);
  }
}

const Rule* RuleIndex::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

std::vector<const Rule*> deciders(const RuleIndex& rules, std::string_view key) {
  const Clients clients = clients_of(key);
  return Search(rules, clients).run();
}

Result<void> check_key(std::string_view key) {
  const auto wrong = [key](const std::string& what) {
    return failure("'" + std::string(key) + "' is no address that tcpserver looks for: " + what);
  };
  std::string_view rest = key;
  if (const std::size_t at = key.find('@'); at != key.npos) {
    rest.remove_prefix(at + 1);
    if (rest.empty()) return wrong("nothing follows the @");
    if (rest == "=" || is_suffix(rest) || is_prefix(rest)) {
      return wrong("a whole address or name follows the @");
    }
  }
  if (rest.empty() || rest.starts_with('=')) return {};
  const bool v6 = rest.find(':') != rest.npos;
  if (!is_prefix(rest)) {
    const auto ip = Ip::parse(rest);
    if (!ip)
      return wrong(v6 ? "no IPv6 address, and no part of one before a colon"
                      : "a network ends with a dot, such as 192.0.2., and a name begins "
                        "with =, such as =mx.example.org");
    const std::string text = ip->is_v4() ? to_string(*ip) : tcpserver_text(*ip);
    return text == rest ? Result<void>() : wrong("it is written " + text);
  }
  if (v6) {
    const bool good = rest.find_first_not_of("0123456789abcdef:") == rest.npos;
    return good ? Result<void>() : wrong("not how an IPv6 address begins, in small letters");
  }
  const auto dots = std::ranges::count(rest, '.');
  std::string whole(rest);
  for (auto n = dots; n < 3; ++n) whole += "0.";
  if (dots > 3 || !Ip::parse(whole + "0")) return wrong("not how an IPv4 address begins");
  return {};
}

}  // namespace grey::svctool

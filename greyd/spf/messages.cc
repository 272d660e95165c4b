#include "greyd/spf/messages.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/base/split.h"
#include "greyd/spf/dns_data.h"

namespace grey::spf {
namespace {

template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "192.0.2.0/24"
std::optional<Network> read_fit_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = Ip::parse(text.substr(0, slash));
  const auto bits = read_number<unsigned>(text.substr(slash + 1));
  if (!ip || !bits || *bits > 128) return std::nullopt;
  const Network network{*ip, *bits + (ip->is_v4() ? Ip::kV4Bits : 0)};
  return is_fit(network) ? std::optional(network) : std::nullopt;
}

bool is_v4_first(const Network& one, const Network& other) {
  if (one.address.is_v4() != other.address.is_v4()) return one.address.is_v4();
  return one.address < other.address;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

void append_text(std::string& out, const Flattened& flattened) {
  out.append(to_string(flattened.ended)).append(" ");
  append_number(out, flattened.ttl);
  for (const Network& network : flattened.networks) out.append(" ").append(to_string(network));
}

std::optional<DomainAnswer> read_answer(std::string_view rest) {
  DomainAnswer answer;
  const auto id = read_number<std::uint32_t>(take_field(rest));
  auto domain = read_name(take_field(rest));
  auto flattened = read_flattened(rest);
  if (!id || !domain || !flattened) return std::nullopt;
  answer.id = *id;
  answer.domain = std::move(*domain);
  answer.flattened = std::move(*flattened);
  return answer;
}

std::optional<HelperMessage> read_any(std::string_view text) {
  if (text == "U") return HelperUp{};
  if (text.size() < 3 || text[1] != ' ') return std::nullopt;
  const std::string_view rest = text.substr(2);
  switch (text.front()) {
    case 'A':
      if (auto answer = read_answer(rest)) return std::move(*answer);
      return std::nullopt;
    case 'T':
      if (rest.size() > kMaxTrouble || !is_printable(rest)) return std::nullopt;
      return HelperTrouble{std::string(rest)};
    case 'D':
      if (const auto status = read_number<int>(rest)) return HelperDied{*status};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string to_text(const Flattened& flattened) {
  std::string text;
  append_text(text, flattened);
  return text;
}

std::optional<Flattened> read_flattened(std::string_view text) {
  Flattened flattened;
  const auto ended = ended_named(take_field(text));
  const auto ttl = read_number<Seconds>(take_field(text));
  if (!ended || !ttl || *ttl < kLeastTtl || *ttl > kMostTtl) return std::nullopt;
  flattened.ended = *ended;
  flattened.ttl = *ttl;
  while (!text.empty()) {
    const auto network = read_fit_network(take_field(text));
    auto& all = flattened.networks;
    if (!network || all.size() == kMaxNetworks) return std::nullopt;
    if (!all.empty() && !is_v4_first(all.back(), *network)) return std::nullopt;
    if (!all.empty() && all.back().contains(network->address)) return std::nullopt;
    all.push_back(*network);
  }
  const bool has_none =
      *ended == Ended::temporary || *ended == Ended::no_record || *ended == Ended::not_a_domain;
  if (has_none && !flattened.networks.empty()) return std::nullopt;
  return flattened;
}

std::string to_text(const DomainQuestion& question) {
  std::string text = "Q ";
  append_number(text, question.id);
  return text.append(" ").append(question.domain);
}

std::optional<DomainQuestion> read_question(std::string_view text) {
  if (text.size() > kMaxMessage || !text.starts_with("Q ")) return std::nullopt;
  std::string_view rest = text.substr(2);
  const auto id = read_number<std::uint32_t>(take_field(rest));
  auto domain = read_name(rest);
  if (!id || !domain) return std::nullopt;
  DomainQuestion question{*id, std::move(*domain)};
  return to_text(question) == text ? std::optional(std::move(question)) : std::nullopt;
}

std::string to_text(const HelperMessage& message) {
  std::string text;
  if (const auto* answer = std::get_if<DomainAnswer>(&message)) {
    text = "A ";
    append_number(text, answer->id);
    text.append(" ").append(answer->domain).append(" ");
    append_text(text, answer->flattened);
  } else if (const auto* trouble = std::get_if<HelperTrouble>(&message)) {
    text.append("T ").append(trouble->text);
  } else if (const auto* died = std::get_if<HelperDied>(&message)) {
    text = "D ";
    append_number(text, died->status);
  } else {
    text = "U";
  }
  return text;
}

std::optional<HelperMessage> read_message(std::string_view text) {
  if (text.size() > kMaxMessage) return std::nullopt;
  auto message = read_any(text);
  if (!message || to_text(*message) != text) return std::nullopt;
  return message;
}

}  // namespace grey::spf

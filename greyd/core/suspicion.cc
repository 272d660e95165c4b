#include "greyd/core/suspicion.h"

#include <algorithm>
#include <array>
#include <optional>

#include "greyd/core/address_name.h"

namespace grey {
namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// Two labels or more. What one has alone is a word for "none" ("unknown"), or says nothing outside
// of its own network.
bool has_domain(std::string_view name) {
  const std::size_t dot = without_last_dot(name).find('.');
  return dot != std::string_view::npos && dot > 0;
}

bool is_made_of(std::string_view name, const Ip& address) {
  std::array<char, kMaxDomain> text;
  if (name.size() > text.size()) return true;  // no name of a host
  for (std::size_t i = 0; i < name.size(); ++i) text[i] = lower(name[i]);
  return holds_address({text.data(), name.size()}, address);
}

// The address in "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3); also without the word
// before it, as many write it.
std::optional<Ip> address_literal(std::string_view helo) {
  constexpr std::string_view kTag = "ipv6:";
  if (helo.size() < 2 || !helo.starts_with('[') || !helo.ends_with(']')) return std::nullopt;
  helo = helo.substr(1, helo.size() - 2);
  std::size_t same = 0;
  while (same < kTag.size() && same < helo.size() && lower(helo[same]) == kTag[same]) ++same;
  if (same == kTag.size()) helo.remove_prefix(same);
  return Ip::parse(helo);
}

// Every domain at the top has a letter (RFC 3696, 2): what has none there is an address, or was
// made of one.
bool has_letter_at_top(std::string_view name) {
  name = without_last_dot(name);
  return std::ranges::any_of(name.substr(name.rfind('.') + 1), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || static_cast<unsigned char>(c) >= 0x80;
  });
}

// RFC 5321, 4.1.1.1: a name with its domain or, for who has none, its address in brackets. Nothing
// is asked of a name but that: servers behind others, or of several names, say what does not
// resolve, and with octets that no name has.
bool is_helo(std::string_view helo, const Client& client) {
  if (helo.starts_with('[')) {
    const auto address = address_literal(helo);
    return address && client.has_address() && *address == client.ip;
  }
  return has_domain(helo) && has_letter_at_top(helo);
}

// Where a front names none of several, or one in place of some, there are several.
bool has_several_recipients(const wire::Query& query) {
  if (query.recipients.size() != 1) return query.recipients.size() > 1;
  const std::string_view only = *query.recipients.begin();
  return only.empty() || wire::stands_for_others(only);
}

}  // namespace

std::string_view to_string(Suspicion suspicion) {
  static constexpr std::array<std::string_view, kSuspicions> kNames = {"no-name", "name", "helo",
                                                                       "early", "bounces"};
  return kNames[std::size_t(suspicion)];
}

Suspicions suspicions_of(const wire::Query& query, std::optional<bool> name_is_address) {
  Suspicions found;
  Client client = query.client;
  if (client.has_address()) client.ip = client.ip.host();  // as it calls itself
  if (!has_domain(query.client_name)) {
    found.add(Suspicion::no_name);
  } else if (client.has_address() &&
             (name_is_address ? *name_is_address : is_made_of(query.client_name, client.ip))) {
    found.add(Suspicion::name);
  }
  if (query.helo && !is_helo(*query.helo, client)) found.add(Suspicion::helo);
  if (query.spoke_early) found.add(Suspicion::early);
  if (query.sender.empty() && has_several_recipients(query)) found.add(Suspicion::bounces);
  return found;
}

}  // namespace grey

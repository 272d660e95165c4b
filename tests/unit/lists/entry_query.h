// What a front sends that an entry of a list is meant for, made from the entry's text alone: for
// each entry that a list takes, the list has to have it.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/lists/address_list.h"

namespace grey::testing {

inline std::string in_other_case(std::string text) {
  for (char& c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) c = char(std::isupper(octet) ? std::tolower(octet) : std::toupper(octet));
  }
  return text;
}

inline std::string in_lower_case(std::string text) {
  for (char& c : text) c = char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

// A domain that "example.com", ".example.com", "*.example.com" or "" is meant for.
inline std::string domain_for(std::string domain) {
  if (domain.starts_with('*')) domain.erase(0, 1);
  if (domain.empty()) return "any.example";
  return domain.starts_with('.') ? "a" + domain : domain;
}

// An IPv4 address that "10.*.3-4.[5-6]", "10.2?", "10.", "10/8" or "10.0.0.0/8" is meant for.
inline std::string v4_for(std::string entry) {
  std::string address;
  int parts = 0;
  entry.erase(std::min(entry.find('/'), entry.size()));
  if (entry.ends_with('.')) entry.pop_back();
  while (parts < 4) {
    const std::size_t dot = std::min(entry.find('.'), entry.size());
    std::string part = entry.substr(0, dot);
    entry.erase(0, dot + 1);
    if (part.starts_with('[')) part = part.substr(1, part.size() - 2);
    part.erase(std::min(part.find('-'), part.size()));
    if (part.starts_with('?')) part[0] = '1';
    std::replace(part.begin(), part.end(), '?', '0');
    part.erase(0, std::min(part.find_first_not_of('0'), part.size()));
    if (part.empty() || part == "*") part = "0";
    address += (parts++ == 0 ? "" : ".") + part;
  }
  return address;
}

// Takes a prefix of that name, in any case, off the text. Whether there was one.
inline bool takes_off(std::string_view prefix, std::string& text) {
  if (!in_lower_case(text).starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

// Whether `list` names whom this domain publishes. One beyond ASCII is asked for in the form that
// the DNS has of it, whatever that is.
inline bool has_domain(AddressList list, std::string domain) {
  const auto is_ascii = [](unsigned char c) { return c < 0x80; };
  const bool ascii = std::all_of(domain.begin(), domain.end(), is_ascii);
  if (domain.ends_with('.')) domain.pop_back();
  const std::vector<Network> networks{{*Ip::parse("192.0.2.0"), 120}};
  list.learn([&](std::string_view of) {
    const bool good =
        ascii ? of == in_lower_case(domain) : std::all_of(of.begin(), of.end(), is_ascii);
    return good ? &networks : nullptr;
  });
  return list.has_client(*Ip::parse("192.0.2.7"));
}

// REQUIRES: `list` has taken `entry`, which is one line without a comment or blanks around it.
inline bool has_what_is_meant(const AddressList& list, std::string_view entry) {
  std::string text(entry);
  if (takes_off("spf:", text)) return has_domain(list, text);
  const bool trap = takes_off("trap:", text);
  const bool recipient = !trap && takes_off("to:", text);
  if (const std::size_t at = text.rfind('@'); at != std::string::npos) {
    std::string local = text.substr(0, at);
    if (local.empty() || local == "*") local = "anyone";
    const std::string address = local + "@" + domain_for(text.substr(at + 1));
    for (const std::string& sent : {address, in_other_case(address), address + "."}) {
      if (sent.ends_with("].")) continue;
      const bool has = trap        ? bool(list.find_trap(sent))
                       : recipient ? list.has_recipient(sent)
                                   : list.has_sender(sent);
      if (!has) return false;
    }
    return true;
  }
  if (text.find(':') != std::string::npos) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    auto ip = Ip::parse(text.substr(0, slash));
    return ip && list.has_client(*ip);
  }
  if (text.find_first_not_of("0123456789.*?[]-/") == std::string::npos) {
    const auto ip = Ip::parse(v4_for(text));
    return ip && list.has_client(*ip);
  }
  const std::string name = domain_for(text);
  return list.has_client_name(name) && list.has_client_name(in_other_case(name)) &&
         list.has_client_name(name + ".");
}

}  // namespace grey::testing

#include "greyd/imports/item.h"

#include <algorithm>

#include "greyd/base/text.h"

namespace grey::imports {
namespace {

constexpr std::size_t kShown = 100;  // octets of a text

void add_shown(std::string& out, std::string_view text) {
  append_word(out, text.substr(0, kShown));
  if (text.size() > kShown) out += "...";
}

}  // namespace

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::expired:
      return "its time is over";
    case Reason::no_client:
      return "it names no client";
    case Reason::no_address:
      return "its client is no address";
    case Reason::no_envelope:
      return "it names no sender or no recipient";
    case Reason::no_octets:
      return "it has a text that is no address";
    case Reason::wide:
      return "its network is wider than a client under the policy";
    case Reason::never_known:
      return "no client is known under the policy";
    case Reason::several:
      return "it names more than one of client, sender and recipient";
    case Reason::no_entry:
      return "no list can have it as an entry";
    case Reason::hashed:
      return "it is kept as a hash";
    case Reason::trap:
      return "it is a spam trap";
    case Reason::stray:
      return "it is no part of such a tree";
    case Reason::two_clients:
      return "it names two clients";
    case Reason::no_reply:
      return "what ours have sent is kept by the domain that it went to";
  }
  return "";
}

std::string to_string(const Place& place) {
  std::string text = to_word(place.file);
  if (place.line != 0) text += ":" + std::to_string(place.line);
  return text;
}

std::optional<std::optional<unsigned>> count_of(RecordClass record_class,
                                                std::optional<Seconds> number) {
  constexpr Seconds kMost = std::numeric_limits<std::uint8_t>::max();
  const bool is_one = number && *number >= 1 && *number <= kMost;
  if (record_class == RecordClass::trapped && !is_one) return std::nullopt;
  return number ? std::optional(unsigned(std::min(*number, kMost))) : std::nullopt;
}

std::string describe(const Item& item) {
  std::string text;
  if (const auto* record = std::get_if<Record>(&item.what)) {
    if (record->name) {
      add_shown(text, grey::to_string(client_of(*record)));
    } else {
      text = record->client.prefix == 128 ? to_string(record->client.address)
                                          : grey::to_string(record->client);
    }
    if (!is_of_client(record->record_class) && !record->address_only) {
      for (const std::string_view address : {record->sender, record->recipient}) {
        text += ' ';
        add_shown(text, address);
      }
    }
  } else if (const auto* listed = std::get_if<Listed>(&item.what)) {
    add_shown(text, listed->text);
  } else if (const auto& what = std::get<Skip>(item.what).what; !what.empty()) {
    add_shown(text, what);
  }
  return text;
}

}  // namespace grey::imports

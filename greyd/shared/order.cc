#include "greyd/shared/order.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "greyd/base/json_line.h"
#include "greyd/base/text.h"

namespace grey::shared {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames = {"forget", "allow", "block", "unlist"};

// False where a field is there and is none of ours.
bool take_word(const json& object, const char* name, std::optional<std::string>& word) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  if (!field->is_string()) return false;
  word = read_word(field->get<std::string>());
  return word.has_value();
}

bool take_time(const json& object, const char* name, std::optional<Seconds>& time) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  if (!field->is_number_unsigned()) return false;
  time = field->get<Seconds>();
  return *time >= 0;
}

}  // namespace

std::string to_text(const Order& order) {
  std::string text;
  JsonLine line(text);
  line.text("order", kNames[std::size_t(order.kind)]).number("at", order.at).word("by", order.by);
  if (order.records.client) line.word("client", *order.records.client);
  if (order.records.sender) line.word("sender", *order.records.sender);
  if (order.records.recipient) line.word("recipient", *order.records.recipient);
  if (order.kind != Order::Kind::forget) line.word("entry", order.entry);
  if (order.until) line.number("until", *order.until);
  line.end();
  text.pop_back();  // a line's end
  return text;
}

std::string what_it_names(const Order& order) {
  return to_text({Order::Kind::forget, 0, {}, order.records, {}, {}});
}

std::optional<Order> read_order(std::string_view text) {
  if (text.size() > kLongestOrder) return std::nullopt;
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("order") || !object["order"].is_string()) {
    return std::nullopt;
  }
  const std::string name = object["order"].get<std::string>();
  const auto kind = std::find(kNames.begin(), kNames.end(), name);
  Order order;
  std::optional<Seconds> at;
  std::optional<std::string> by, entry;
  if (kind == kNames.end() || !take_time(object, "at", at) || !take_word(object, "by", by) ||
      !take_word(object, "client", order.records.client) ||
      !take_word(object, "sender", order.records.sender) ||
      !take_word(object, "recipient", order.records.recipient) ||
      !take_word(object, "entry", entry) || !take_time(object, "until", order.until)) {
    return std::nullopt;
  }
  order.kind = Order::Kind(kind - kNames.begin());
  const bool names_some = order.records.client || order.records.sender || order.records.recipient;
  const bool is_forget = order.kind == Order::Kind::forget;
  if (!at || !by || names_some != is_forget || entry.has_value() == is_forget) return std::nullopt;
  order.at = *at;
  order.by = *by;
  order.entry = entry.value_or("");
  return order;
}

}  // namespace grey::shared

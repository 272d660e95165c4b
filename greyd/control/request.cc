#include "greyd/control/request.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "greyd/base/text.h"

namespace grey {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxNumber = std::uint64_t{1} << 62;
constexpr int kDeepest = 3;  // an object, a list in it, and objects in that

std::string shown(std::string_view text) {
  return to_word(text.substr(0, 40));
}

// The tree of a line; discarded where it is none, or deeper than a request is.
json tree_of(std::string_view line) {
  bool deep = false;
  const auto look = [&](int depth, json::parse_event_t event, json&) {
    using Event = json::parse_event_t;
    const bool begins = event == Event::object_start || event == Event::array_start;
    if (begins && depth >= kDeepest) deep = true;
    return !deep;
  };
  json tree = json::parse(line, look, false);
  return deep ? json(json::value_t::discarded) : tree;
}

bool is_list_of(const json& value, bool (*is)(const json&)) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is);
}

}  // namespace

bool Request::is_value(const json& value) {
  return value.is_string() || value.is_boolean() ||
         (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMaxNumber) ||
         is_list_of(value, [](const json& v) { return v.is_string(); }) ||
         is_list_of(value, [](const json& v) {
           return v.is_object() && std::all_of(v.begin(), v.end(), [](const json& field) {
                    return !field.is_array() && is_value(field);
                  });
         });
}

// REQUIRES: it is a value.
void Request::add(const std::string& name, const json& value) {
  Value& field = fields_[name];
  if (value.is_string()) {
    field.text = value.get_ref<const std::string&>();
  } else if (value.is_boolean()) {
    field.flag = value.get<bool>();
  } else if (value.is_number()) {
    field.number = Seconds(value.get<std::uint64_t>());
  } else if (value.empty() || value.front().is_string()) {
    field.is_list = true;
    field.list = value.get<std::vector<std::string>>();
  } else {
    for (const json& object : value) {
      Request& one = field.objects.emplace_back();
      one.command_ = name + " " + std::to_string(field.objects.size());
      for (const auto& [key, part] : object.items()) one.add(key, part);
    }
  }
}

Result<Request> Request::parse(std::string_view line) {
  const json tree = tree_of(line);
  if (tree.is_discarded() || !tree.is_object()) return misuse("the request is no object of JSON");
  Request request;
  for (const auto& [name, value] : tree.items()) {
    if (!is_value(value)) {
      return misuse("field " + shown(name) + ": not a text, a number or a list of texts");
    }
    request.add(name, value);
  }
  const auto command = request.text("command");
  if (!command || command->empty()) return misuse("the request names no command");
  request.command_ = *command;
  return request;
}

void Request::fault(std::string_view name, std::string_view what) {
  if (fault_.empty()) fault_ = "field " + std::string(name) + ": " + std::string(what);
}

std::optional<Request::Value> Request::take(std::string_view name) {
  const auto at = fields_.find(name);
  if (at == fields_.end()) return std::nullopt;
  Value value = std::move(at->second);
  fields_.erase(at);
  return value;
}

std::optional<std::string> Request::text(std::string_view name) {
  auto value = take(name);
  if (value && !value->text) fault(name, "not a text");
  return value ? std::move(value->text) : std::nullopt;
}

std::optional<std::string> Request::octets(std::string_view name, std::string_view word) {
  auto bytes = read_word(word);
  if (!bytes) fault(name, "not a word, whose other octets are %XX: " + shown(word));
  return bytes;
}

std::optional<std::string> Request::word(std::string_view name) {
  const auto value = text(name);
  return value ? octets(name, *value) : std::nullopt;
}

std::optional<Seconds> Request::number(std::string_view name) {
  const auto value = take(name);
  if (value && !value->number) fault(name, "not a whole number");
  return value ? value->number : std::nullopt;
}

std::vector<std::string> Request::words(std::string_view name) {
  const auto value = take(name);
  if (!value) return {};
  if (!value->is_list) fault(name, "not a list of texts");
  std::vector<std::string> words;
  for (const std::string& word : value->list) words.push_back(octets(name, word).value_or(""));
  return words;
}

bool Request::flag(std::string_view name) {
  const auto value = take(name);
  if (value && !value->flag) fault(name, "not true or false");
  return value && value->flag.value_or(false);
}

std::vector<Request> Request::objects(std::string_view name) {
  auto value = take(name);
  if (!value) return {};
  const bool empty = value->is_list && value->list.empty();
  if (value->objects.empty() && !empty) fault(name, "not a list of objects");
  return std::move(value->objects);
}

Result<void> Request::end() const {
  if (!fault_.empty()) return misuse(command_ + ": " + fault_);
  if (!fields_.empty())
    return misuse(command_ + ": no such field: " + shown(fields_.begin()->first));
  return {};
}

}  // namespace grey

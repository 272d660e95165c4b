// A request of the control socket: one object of JSON on a line, "command" says what is wanted and
// the other fields of what. Addresses stand as words of text.h, since a sender need not be UTF-8.
//
//   {"command":"list","client":"192.0.2.0/24","sender":"*@example.com","limit":10}
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"

namespace grey {

class Request {
 public:
  static constexpr std::size_t kMaxSize = 65536;  // bytes of a line

  // An error, with exit code 100, where the line is no request: no object, a value that is neither
  // a text, a whole number of 0 or more, true or false, a list of texts, nor one of objects that
  // have no lists; or no command.
  static Result<Request> parse(std::string_view line);

  const std::string& command() const { return command_; }

  // Takes a field out; absent when it is not there. One that is of another kind is noted as a
  // fault.
  std::optional<std::string> text(std::string_view name);
  std::optional<std::string> word(std::string_view name);  // its octets
  std::optional<Seconds> number(std::string_view name);
  bool flag(std::string_view name);  // absent: false
  std::vector<std::string> words(std::string_view name);
  // A list of objects, each with fields of its own; command() is "records 2" of the second.
  std::vector<Request> objects(std::string_view name);
  // The first of the faults, or that a field is left which nobody has taken. To be called last.
  Result<void> end() const;

 private:
  struct Value {
    std::optional<std::string> text;
    std::optional<Seconds> number;
    std::optional<bool> flag;
    std::vector<std::string> list;
    bool is_list = false;
    std::vector<Request> objects;
  };
  static bool is_value(const nlohmann::json& tree);
  void add(const std::string& name, const nlohmann::json& value);
  std::optional<Value> take(std::string_view name);
  std::optional<std::string> octets(std::string_view name, std::string_view word);
  void fault(std::string_view name, std::string_view what);

  std::string command_;
  std::map<std::string, Value, std::less<>> fields_;
  std::string fault_;
};

}  // namespace grey

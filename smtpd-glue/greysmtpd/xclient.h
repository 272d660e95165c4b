// XCLIENT, by which a proxy in front of a server names the real client
// (https://www.postfix.org/XCLIENT_README.html). The server decides whose XCLIENT it takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grey::smtp {

// What one command says; unset is what it does not mention.
struct XclientNames {
  std::optional<std::string> address;  // IPv4 or IPv6 without its prefix; empty when not known
  std::optional<std::string> name;     // the verified host name; empty when not known
  std::optional<bool> logged_in;       // LOGIN gives a user's name
  std::optional<std::string> helo;     // what it said in HELO; empty when not known
};

// The attributes of a command line; unknown ones are skipped.
XclientNames parse_xclient(std::string_view line);

// The client that a proxy has named so far. Servers keep what a command does not mention, and so
// the attributes may come in several. What came with or for one address does not hold for another:
// a new ADDR forgets it, except what a command without ADDR gave since the last one.
class ProxiedClient {
 public:
  void take(XclientNames said);  // of a command that the server has accepted

  const std::optional<std::string>& address() const { return address_; }
  const std::optional<std::string>& name() const { return name_.value; }
  // Nothing where none was named: what comes in HELO now may be the proxy's own.
  const std::optional<std::string>& helo() const { return helo_.value; }
  bool logged_in() const { return logged_in_.value.value_or(false); }

 private:
  template <class Value>
  struct Attribute {
    std::optional<Value> value;
    bool came_alone = false;  // since the last address
    void take(std::optional<Value> said, bool with_address);
  };

  std::optional<std::string> address_;
  Attribute<std::string> name_;
  Attribute<bool> logged_in_;
  Attribute<std::string> helo_;
};

}  // namespace grey::smtp

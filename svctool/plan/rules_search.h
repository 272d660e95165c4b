// Which rule of a tcprules(1) text decides for a client: tcpserver(1)'s order of search. Pure.
//
// Of a client with address IP, and perhaps the name HOST and the user INFO that its identd tells,
// tcpserver looks for
//
//   INFO@IP, INFO@=HOST, IP, =HOST, prefixes of IP that end with a dot or (ucspi-tcp-ipv6) a colon,
//   suffixes of HOST that start with a dot, each after "=", then "=" when there is a name, then ""
//
// and takes the first that there is; longer prefixes and suffixes come first. Without any the
// client is let in. ucspi-tcp6 looks for networks such as 10.0.0.0/8 after the prefixes of IP.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "svctool/plan/rules_text.h"

namespace grey::svctool {

// The addresses under which tcprules files a rule for `address`: several for a range, which is the
// first part with a dash of an address without a name. None for a range that is empty.
std::vector<std::string> keys_of(std::string_view address);

// The rules as tcpserver finds them: of several for one address the first. `rules` must outlive it.
class RuleIndex {
 public:
  explicit RuleIndex(const std::vector<Rule>& rules);
  const Rule* find(const std::string& key) const;
  const std::unordered_map<std::string, const Rule*>& all() const { return by_key_; }

 private:
  std::unordered_map<std::string, const Rule*> by_key_;
};

// The rules that decide today for the clients to whom a rule for `key`, which there is not, would
// come: several when that depends on what `key` does not tell, such as a name. In the file's order;
// a null one, the first, stands for clients who come to no rule at all and are let in.
std::vector<const Rule*> deciders(const RuleIndex& rules, std::string_view key);

// An error when tcpserver looks for no address that is written so.
Result<void> check_key(std::string_view key);

}  // namespace grey::svctool

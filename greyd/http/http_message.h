// A request and its answer, as far as those need to know it who answer.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace grey::http {

struct Request {
  std::string method;  // "GET"
  std::string path;    // "/metrics", decoded, without a query
  std::string accept;  // the values of Accept; empty: there is none
  bool body = false;   // something follows the head; it is not read
  std::string host{};  // by which name it is asked for, "localhost:9119"; empty: none is said
};

struct Answer {
  int status = 200;
  std::string type;                                            // of `body`; empty: it has none
  std::string body;                                            // not sent to who asks with HEAD
  std::vector<std::pair<std::string, std::string>> headers{};  // others
};

}  // namespace grey::http

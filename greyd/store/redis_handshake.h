// What a connection begins with, and what must be answered for the server to be one that the store
// can be kept in: a Redis of 7.0 or later, or a Valkey, that is a master and no cluster. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "greyd/store/fault.h"

namespace grey {

// As whom, and for what.
struct Login {
  std::string user;  // empty: the server's default one
  std::string password;
  unsigned database = 0;
  std::string client_name = "qmail-greyd";  // in CLIENT LIST; without blanks
};

struct Greeting {
  std::vector<std::string> words;
  std::function<std::optional<Failure>(const Outcome&)> judge;  // why the server is not to be used
  bool names_run = false;                                       // its answer is for server_run_of()
};

// All are sent together; the first that is judged bad counts.
std::vector<Greeting> store_greetings(const Login& login);

std::optional<Failure> judge_role(const Reply& reply);
std::optional<Failure> judge_info(const Reply& reply);  // of INFO server
// Its run_id, which Redis and Valkey choose at random at each start; empty: there is none.
std::string server_run_of(const Reply& reply);

}  // namespace grey

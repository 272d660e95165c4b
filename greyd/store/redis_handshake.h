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

// What a server says of itself.
struct ServerFacts {
  // Its run_id, which Redis and Valkey choose at random at each start; empty: there is none.
  std::string run;
  // Its maxmemory-policy, where it makes room by what it was told to keep: "allkeys-lru". Empty: it
  // keeps all, or does not say.
  std::string evicts_by;
};

struct Greeting {
  std::vector<std::string> words;
  std::function<std::optional<Failure>(const Outcome&)> judge;  // why the server is not to be used
  void (*learn)(const Reply&, ServerFacts&) = nullptr;          // from its answer
};

// All are sent together; the first that is judged bad counts.
std::vector<Greeting> store_greetings(const Login& login);

std::optional<Failure> judge_role(const Reply& reply);
std::optional<Failure> judge_info(const Reply& reply);        // of INFO server
void learn_run(const Reply& reply, ServerFacts& facts);       // likewise
void learn_eviction(const Reply& reply, ServerFacts& facts);  // of INFO memory

}  // namespace grey

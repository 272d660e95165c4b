#include "greyd/store/redis_handshake.h"

#include <charconv>
#include <string_view>

#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr unsigned kOldestMajor = 7;
constexpr std::size_t kMaxQuoted = 40;  // octets of a value of INFO

Failure no_redis(std::string text) {
  return {Fault::no_redis, std::move(text)};
}

std::optional<Failure> judge_done(const Outcome& outcome) {
  if (!outcome) return outcome.error();
  return std::nullopt;
}

// A password for a server that needs none is a mistake, too: somebody believes that it is kept.
std::optional<Failure> judge_auth(const Outcome& outcome) {
  if (outcome) return std::nullopt;
  Failure failure = outcome.error();
  if (failure.fault == Fault::refused) failure.fault = Fault::denied;
  return failure;
}

std::optional<Failure> judge_ping(const Outcome& outcome) {
  if (!outcome) return outcome.error();
  if (!outcome->is("PONG")) return no_redis("what answers PING is no PONG");
  return std::nullopt;
}

// A name is for people who look at CLIENT LIST: a user who may not set it can do without. So can
// those who are not told how it makes room.
std::optional<Failure> judge_nothing(const Outcome&) {
  return std::nullopt;
}

template <std::optional<Failure> (*Judge)(const Reply&)>
std::optional<Failure> judge_reply(const Outcome& outcome) {
  if (!outcome) return outcome.error();
  return Judge(*outcome);
}

// The value of "NAME:value\r\n".
std::string_view info_value(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.starts_with(name) || line.substr(name.size()).substr(0, 1) != ":") continue;
    line.remove_prefix(name.size() + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line.substr(0, kMaxQuoted);
  }
  return {};
}

}  // namespace

std::optional<Failure> judge_role(const Reply& reply) {
  if (!reply.is_array() || reply.items.empty() || !reply.items[0].is_bytes()) {
    return no_redis("what answers ROLE is no role");
  }
  const std::vector<Reply>& items = reply.items;
  if (items[0].is("master")) return std::nullopt;
  if (items[0].is("sentinel")) {
    return Failure{Fault::not_master,
                   "a Sentinel, which keeps nothing: the store is "
                   "redis+sentinel://HOST,.../NAME"};
  }
  if (items[0].is("slave")) {
    std::string text = "a replica, which takes no writes";
    if (items.size() >= 3 && items[1].is_bytes() && items[2].is_integer()) {
      text += "; its master is " + to_word(items[1].text.substr(0, kMaxQuoted)) + ":" +
              std::to_string(items[2].integer);
    }
    return Failure{Fault::not_master, std::move(text)};
  }
  return no_redis("its role is unknown: " + to_word(items[0].text.substr(0, kMaxQuoted)));
}

std::optional<Failure> judge_info(const Reply& reply) {
  if (!reply.is_bytes()) return no_redis("what answers INFO is no text");
  const std::string_view mode = info_value(reply.text, "redis_mode");
  if (mode == "cluster") {
    return Failure{Fault::cluster,
                   "a node of a Redis Cluster, which is not followed: one server, or "
                   "Sentinels, are"};
  }
  if (!info_value(reply.text, "valkey_version").empty()) return std::nullopt;
  const std::string_view version = info_value(reply.text, "redis_version");
  if (version.empty()) return no_redis("INFO names no redis_version");
  unsigned major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  if (major < kOldestMajor) {
    return Failure{Fault::old_version,
                   "Redis " + to_word(version) + " is older than 7.0, the oldest that will do"};
  }
  return std::nullopt;
}

void learn_run(const Reply& reply, ServerFacts& facts) {
  facts.run = reply.is_bytes() ? info_value(reply.text, "run_id") : std::string_view();
}

void learn_eviction(const Reply& reply, ServerFacts& facts) {
  facts.evicts_by.clear();
  if (!reply.is_bytes()) return;
  const std::string_view bound = info_value(reply.text, "maxmemory");  // 0: there is none
  const std::string_view policy = info_value(reply.text, "maxmemory_policy");
  if (bound.empty() || bound == "0" || policy.empty() || policy == "noeviction") return;
  facts.evicts_by = to_word(policy.substr(0, kMaxQuoted));
}

std::vector<Greeting> store_greetings(const Login& login) {
  std::vector<Greeting> greetings;
  if (!login.user.empty()) {
    greetings.push_back({{"AUTH", login.user, login.password}, judge_auth});
  } else if (!login.password.empty()) {
    greetings.push_back({{"AUTH", login.password}, judge_auth});
  }
  greetings.push_back({{"PING"}, judge_ping});  // refused while a server loads what it has saved
  greetings.push_back({{"CLIENT", "SETNAME", login.client_name}, judge_nothing});
  // Before SELECT, which a cluster refuses with less of a reason.
  greetings.push_back({{"INFO", "server"}, judge_reply<judge_info>, learn_run});
  greetings.push_back({{"ROLE"}, judge_reply<judge_role>});
  // By itself: only from 7.0 on two sections may be asked for at once.
  greetings.push_back({{"INFO", "memory"}, judge_nothing, learn_eviction});
  if (login.database != 0) {
    greetings.push_back({{"SELECT", std::to_string(login.database)}, judge_done});
  }
  return greetings;
}

}  // namespace grey

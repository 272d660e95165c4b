// A real Redis of the test's own, asked without an event loop: each call waits for its answer.
#pragma once

#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/shared/script_store.h"
#include "tests/temporary_directory.h"

namespace grey::testing {

// Whether there is a redis-server to be had.
inline bool has_redis() {
  return ::access("/usr/bin/redis-server", X_OK) == 0;
}

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "redis-server", "--port", "0",     "--unixsocket",    path(),      "--save",          "",
        "--appendonly", "no",     "--dir", directory_.path(), "--logfile", directory_ / "log"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process_ = ::fork();
    if (process_ == 0) {
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      ::execv("/usr/bin/redis-server", argv.data());
      ::_exit(127);
    }
    // The socket is there before it can be connected to.
    for (int i = 0; i < 1000 && !answers(); ++i) ::usleep(10'000);
  }
  ~RedisServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string path() const { return directory_ / "socket"; }

 private:
  bool answers() const {
    redisContext* const context = ::redisConnectUnix(path().c_str());
    const bool answers = context != nullptr && context->err == 0;
    ::redisFree(context);
    return answers;
  }

  TemporaryDirectory directory_;
  pid_t process_ = -1;
};

class PlainStore : public shared::ScriptStore {
 public:
  explicit PlainStore(const RedisServer& server)
      : context_(::redisConnectUnix(server.path().c_str()), &::redisFree) {}

  bool up() const override { return up_; }
  void set_up(bool up) { up_ = up; }
  // The store keeps all for ever: its clock is not that of a test in which days go by.
  void keep_all() { keeps_all_ = true; }
  // The next calls get no answer: `arrives`, but is not told of.
  void lose(int calls, bool arrives) {
    lost_ = calls;
    arrives_ = arrives;
  }
  int calls() const { return calls_; }
  std::size_t longest_answer() const { return longest_answer_; }  // octets

  void call(const shared::Call& call, Done done) override {
    ++calls_;
    const bool lost = lost_ > 0 && lost_-- > 0;
    std::vector<std::string> texts;
    bool good = false;
    if (!lost || arrives_) good = run(call, texts);
    std::size_t octets = 0;
    for (const std::string& text : texts) octets += text.size();
    longest_answer_ = std::max(longest_answer_, octets);
    done(good && !lost ? &texts : nullptr);
  }
  // A plain command; its answer as texts.
  std::vector<std::string> say(const std::vector<std::string>& words) {
    std::vector<std::string> texts;
    if (!send(words, texts)) texts.insert(texts.begin(), "error");
    return texts;
  }
  std::string fault() const { return fault_; }

 private:
  bool run(const shared::Call& call, std::vector<std::string>& texts) {
    std::string script(call.script);
    if (keeps_all_) {
      take_out_lives(script);
    }
    std::vector<std::string> words = {"EVAL", script, std::to_string(call.keys.size())};
    for (const std::string_view key : call.keys) words.emplace_back(key);
    for (const std::string_view argument : call.arguments) words.emplace_back(argument);
    return send(words, texts);
  }
  static void take_out_lives(std::string& script) {
    constexpr std::string_view kEx = ", 'EX', ", kExpire = "'EXPIRE', KEYS[i], life";
    std::size_t at = 0;
    while ((at = script.find(kEx)) != std::string::npos) {
      const std::size_t end = script.find_first_of(",)", at + kEx.size());
      script.erase(at, end - at);
    }
    while ((at = script.find(kExpire)) != std::string::npos) {
      script.replace(at, kExpire.size(), "'PERSIST', KEYS[i]");
    }
  }
  bool send(const std::vector<std::string>& words, std::vector<std::string>& texts) {
    std::vector<const char*> argv;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      argv.push_back(word.data());
      sizes.push_back(word.size());
    }
    auto* const reply = static_cast<redisReply*>(
        ::redisCommandArgv(context_.get(), int(argv.size()), argv.data(), sizes.data()));
    if (reply == nullptr) return false;
    const auto add = [&](const redisReply* of) {
      if (of->type == REDIS_REPLY_INTEGER) texts.push_back(std::to_string(of->integer));
      if (of->type == REDIS_REPLY_STRING || of->type == REDIS_REPLY_STATUS)
        texts.emplace_back(of->str, of->len);
      if (of->type == REDIS_REPLY_NIL) texts.emplace_back();
    };
    const bool good = reply->type != REDIS_REPLY_ERROR;
    if (!good) fault_.assign(reply->str, reply->len);
    if (reply->type == REDIS_REPLY_ARRAY) {
      for (std::size_t i = 0; i < reply->elements; ++i) add(reply->element[i]);
    } else if (good) {
      add(reply);
    }
    ::freeReplyObject(reply);
    return good;
  }

  std::unique_ptr<redisContext, decltype(&::redisFree)> context_;
  bool up_ = true, arrives_ = false, keeps_all_ = false;
  int lost_ = 0, calls_ = 0;
  std::size_t longest_answer_ = 0;
  std::string fault_;
};

}  // namespace grey::testing

// The store, for who asks it: one server, or the one that the Sentinels name. Connects by itself,
// and goes on trying; a store that fails is left alone for a second, so that it costs nobody a
// wait, and so is one that comes up and goes at once.
//
//   StoreLink store(loop, background, settings, [](bool up) { ... });
//   store.eval(kScript, {"c:{192.0.2.0/24}"}, {"60"}, [](Outcome outcome) { ... });
//
// Each call ends exactly once: with an answer, or with a fault within the time of a command, at
// once while up() is false. (When the StoreLink goes, nobody is told any more: close() tells them
// first.) A call that has failed may have been done all the same: calls are to be such that they
// can be repeated.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/seconds.h"
#include "greyd/base/store_url.h"
#include "greyd/base/strings.h"
#include "greyd/net/event_loop.h"
#include "greyd/store/fault.h"
#include "greyd/store/redis_link.h"

namespace grey {

struct StoreSettings {
  StoreUrl url;
  std::string password;                     // empty: none
  std::string client_name = "qmail-greyd";  // in CLIENT LIST; without blanks
  LinkLimits limits;
  // What must be answered before the store is up: it writes, as a store that is full or has too few
  // replicas answers reads all the same. Its key is gone by itself.
  std::vector<std::string> probe = {"SET", "p:{probe}", "1", "PX", "1000"};
};

// Since the start.
struct StoreCounters {
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  StoreFaults failures{};      // of calls; with those answered they make up the calls that ended
  std::uint64_t connects = 0;  // times that it came up
  StoreFaults connect_failures{};  // attempts that did not bring it up
  std::uint64_t losses = 0;        // times that it was up, and went
  std::uint64_t opened = 0;        // the breaker, times
  std::uint64_t probes = 0;        // attempts while that was open
  std::uint64_t switches = 0;      // to another master than before
  std::uint64_t scripts_loaded = 0;
};

struct StoreStatus {
  bool up = false;
  // False: it comes up, and goes within a second, or before anything has been answered. Then it is
  // steady again when it has been up for longer than that, and has answered.
  bool steady = true;
  bool breaker_open = false;
  Seconds since = 0;       // it is up, or is not: since 1970; at first since the start
  std::string where;       // "db1:6379", "10.0.0.2:6379, named by h1:26379"; empty: not known yet
  std::string last_fault;  // in words; empty: there was none
  Fault last_fault_kind = Fault::down;  // of that
  Seconds last_fault_at = 0;
  std::string evicts_by;  // ServerFacts::evicts_by of the server that it is up at, or was last
};

class StoreLink {
 public:
  using Done = std::function<void(Outcome)>;
  using OnState = std::function<void(bool up)>;

  // Begins to connect when the loop runs. `on_state` is called when up() has changed. `background`
  // looks names up, which may take it seconds: see Resolver.
  StoreLink(EventLoop& loop, Background& background, StoreSettings settings, OnState on_state);
  ~StoreLink();
  StoreLink(const StoreLink&) = delete;
  StoreLink& operator=(const StoreLink&) = delete;

  // Those who wait are told Fault::gone; it is down for good, and on_state is not called.
  void close();

  bool up() const;
  // The run of the server that it is up at, or was last, as that calls it: another one after each
  // of its starts, and at another server. What the one server has been told it knows as long as it
  // has the same. Empty: it does not say.
  const std::string& server_run() const;
  // Runs a script, by its hash: a server that does not know it is given it, and asked once more
  // within the same time. `done` may be called before this returns. Scripts are few and constant:
  // each text is kept. `time`: zero is that of a command.
  void eval(std::string_view script, const Strings& keys, const Strings& arguments, Done done,
            std::chrono::milliseconds time = std::chrono::milliseconds(0));
  // A command as it is. `done` may be called before this returns. REQUIRES: `words` is not empty.
  void plain(const std::vector<std::string>& words, Done done);

  StoreStatus status() const;
  StoreCounters counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace grey

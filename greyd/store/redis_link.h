// A connection to one Redis, on the loop: commands go out together, answers come in their order,
// and both the connection and each command have a time within which they end. Nothing here blocks.
//
//   RedisLink link(loop, resolver, store_greetings(login), {}, on_lost);
//   link.connect(place, [&](const std::optional<Failure>& why) { ... });
//   link.command({"GET", "key"}, [](Outcome outcome) { ... });
//
// Any callback may call any of its functions, and may destroy it. Where one throws the others are
// called all the same, and the loop's handler is given what was thrown.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/store_url.h"
#include "greyd/net/event_loop.h"
#include "greyd/store/fault.h"
#include "greyd/store/redis_handshake.h"
#include "greyd/store/resolver.h"

namespace grey {

struct LinkLimits {
  unsigned connect_ms = 200;         // until the last greeting has been answered
  unsigned command_ms = 100;         // of each
  std::size_t max_waiting = 4096;    // commands without an answer, late ones among them
  std::size_t max_unsent = 4 << 20;  // octets of commands that the server has not taken yet
};

class RedisLink {
 public:
  using Connected = std::function<void(const std::optional<Failure>& why_not)>;
  using Done = std::function<void(Outcome)>;
  using OnLost = std::function<void(const Failure&)>;
  using OnMessage = std::function<void(const std::string& channel, const std::string& payload)>;

  // `greetings` are what each connection begins with. `on_lost`: a connection that was ready is no
  // more, and those who wait have been told. `on_message`: of a channel that SUBSCRIBE has named;
  // without it a message is a fault.
  RedisLink(EventLoop& loop, Resolver& resolver, std::vector<Greeting> greetings, LinkLimits limits,
            OnLost on_lost, OnMessage on_message = nullptr);
  ~RedisLink();  // nobody is told any more
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Ends a connection that there is, as close() does. `connected` is called once, maybe before this
  // returns; not when close() or connect() comes before.
  void connect(const StorePlace& place, Connected connected);
  // Those who wait for answers are told `why`; nobody is called on_lost.
  void close(const Failure& why = {Fault::gone, "the connection has been closed"});

  bool ready() const;
  // `done` is called once: with the answer, with a fault that an error is (Fault::refused and the
  // like), with that which ends the connection, or when `time` is over; where the loop itself is
  // late then, what it was late by is given once more, up to another command_ms. It may be called
  // before this returns. What is answered later is dropped, and the connection stays: who finds it
  // dead closes it. REQUIRES: `words` is not empty.
  void command(const std::vector<std::string>& words, Done done);
  void command(const std::vector<std::string>& words, Done done, std::chrono::microseconds time);
  // The same of a command that is as it is sent (redis_protocol.h), until `end` on the clock that
  // is never set.
  void encoded(std::string_view command, Done done, std::chrono::microseconds end);

  // "db1:6379", as it was connected to last.
  const std::string& where() const;
  // What the greetings' answers have told of it: of the one that is connected, or was last.
  const ServerFacts& server() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace grey

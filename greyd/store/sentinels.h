// The Sentinels: who the store's master is, and word when that changes.
//
// Each is listened to, over a connection of its own, for +switch-master: who has decided it says so
// at once, the others when they hear of it. Asking goes from one to the next, each within the time
// of a connection and a command.
//
// Nothing that one says is believed but as a place to look at: whether a master is there, ROLE
// says.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "greyd/base/store_url.h"
#include "greyd/net/event_loop.h"
#include "greyd/store/fault.h"
#include "greyd/store/redis_link.h"
#include "greyd/store/resolver.h"

namespace grey {

class Sentinels {
 public:
  struct Word {
    StorePlace master;
    std::string by;  // which Sentinel's, "h1:26379"
  };
  using Found = std::function<void(const tl::expected<Word, Failure>&)>;
  using OnSwitch = std::function<void(const Word&)>;

  // REQUIRES: url.has_sentinels(). The user and the password are given to a Sentinel that asks for
  // them.
  Sentinels(EventLoop& loop, Resolver& resolver, const StoreUrl& url, const std::string& password,
            OnSwitch on_switch);
  ~Sentinels();  // nobody is told any more
  Sentinels(const Sentinels&) = delete;
  Sentinels& operator=(const Sentinels&) = delete;

  // `found` is called once, maybe before this returns, with the first answer that can be, or with
  // the most telling fault. One that is asked for before is told nothing any more. The Sentinel
  // whose answer was taken last is asked first.
  void find(Found found);
  void cancel();
  // What was found last was no master: the next Sentinel is asked first.
  void doubt();

  // How many are being listened to.
  std::size_t listening() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace grey

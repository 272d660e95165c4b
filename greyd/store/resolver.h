// The addresses of the hosts that --store and the Sentinels name. getaddrinfo(3) may take many
// seconds, so it is asked in the background; what it has said is kept.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/store/fault.h"
#include "greyd/wire/ip.h"

namespace grey {

class Resolver {
 public:
  using Addresses = tl::expected<std::vector<Ip>, Failure>;  // not empty
  using Done = std::function<void(const Addresses&)>;
  // 0 and addresses, or an error of getaddrinfo(3). In the background's thread.
  using Lookup = std::function<int(const std::string& host, std::vector<Ip>& addresses)>;

  // `background` had better not be the one that waits for the disk: each would wait for the other's
  // work.
  explicit Resolver(Background& background, Lookup lookup = system_lookup);
  ~Resolver();  // nobody is told any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `done` may be called before this returns: an address is its own, and what is known of a name is
  // told at once, be it old; it is looked up anew for the next who asks. One look-up of a name runs
  // at a time, however often it is asked for. It is not called when 64 have asked since, without an
  // answer: who waits has a time-out of its own.
  void find(const std::string& host, const Done& done);

  static int system_lookup(const std::string& host, std::vector<Ip>& addresses);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace grey

// The networks of senders' domains, as far as they are known (core/sender_networks.h): a cache, and
// questions to the look-up helper (spf/messages.h), which come back whenever they do. Nobody waits
// for them; without a helper nothing is learned, and nothing else is otherwise.
//
// What it says is anybody's: what is no answer to a question that is open is counted, and who says
// too much of it in a second is not listened to any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/rate_limit.h"
#include "greyd/base/seconds.h"
#include "greyd/core/sender_networks.h"
#include "greyd/lookups/lookup_counters.h"
#include "greyd/lookups/network_cache.h"
#include "greyd/net/event_loop.h"
#include "greyd/spf/messages.h"

namespace grey {

class Lookups : public SenderNetworks {
 public:
  static constexpr std::size_t kMostAsked = 32;     // at once
  static constexpr std::size_t kMostWaiting = 512;  // for that
  // Seconds for an answer. The helper itself has less.
  static constexpr Seconds kTime = 20;
  static constexpr Seconds kMostWait = 30;  // seconds until it is asked

  using Clock = std::function<Seconds()>;
  using Report = std::function<void(const std::string& text)>;
  // All by reference must outlive it. `socket`: to the helper; none: there is none. `clock`: as
  // `now` is; `never_set`: one for time-outs. `report`: what an operator should know of, at a
  // bounded rate.
  struct Clocks {
    Clock clock, never_set;
  };
  Lookups(EventLoop& loop, Fd socket, Clocks clocks, Report report, LookupCounters& counters,
          const NetworkCache::Bounds& bounds = {});

  // ---- as core/sender_networks.h has it

  const NetworkSet* find(std::string_view domain, Seconds now) const override;
  void want(std::string_view domain, Seconds now, const Ip& by) override;
  void tell_learned(Learned learned) override { learned_ = std::move(learned); }

  // ---- for entries of lists, and for who looks into it

  // The same as want(), before others, and whatever is known of it.
  void want_first(std::string_view domain);
  // Told of all that becomes of a domain that was asked about, failures too. It must not throw.
  using Ended = std::function<void(const std::string& domain, const spf::Flattened&, Seconds now)>;
  void tell_ended(Ended ended) { ended_ = std::move(ended); }

  // What is known of it; null: nothing.
  const NetworkCache::Known* known(std::string_view domain, Seconds now) const {
    return cache_.find(domain, now);
  }
  // Asks for it whatever is known, and says what has become of it, now or later; a temporary end
  // where it cannot be asked for.
  using Done = std::function<void(const spf::Flattened&)>;
  void ask(std::string_view domain, Done done);

  struct Standing {
    bool up = false;      // the helper answers
    std::string trouble;  // what it last said of that, or what has become of it; empty: nothing
    std::size_t asked = 0, waiting = 0, domains = 0, octets = 0;
  };
  Standing standing() const;
  const LookupCounters& counters() const { return counters_; }

 private:
  // A domain that waits, or was asked about.
  struct Open {
    std::uint32_t id = 0;  // 0: it waits
    Seconds since = 0;     // by a clock that is never set: asked, or waiting
    Ip by{};               // as of want()
    std::vector<Done> done;
  };
  using Opens = std::map<std::string, Open, std::less<>>;

  bool queue(std::string_view domain, bool first, const Ip& by = Ip());
  void ask_next();
  bool send(const std::string& domain, Open& open);
  void on_ready();
  bool receive();
  void take(std::string_view text);
  void take(const spf::DomainAnswer& answer);
  void take(const spf::HelperTrouble& trouble);
  void take(const spf::HelperDied& died);
  void take(const spf::HelperUp&);
  void take_bad();
  void count_other();
  void end(Opens::iterator at, const spf::Flattened& flattened);
  std::size_t fail_asked(Seconds asked_before);
  void give_up_waiting();
  void on_second();
  void close(const std::string& why);
  void say(const std::string& text);

  const Clock clock_, never_set_;
  const Report report_;
  LookupCounters& counters_;
  NetworkCache cache_;
  Fd socket_;
  bool up_ = false, has_died_ = false;
  std::string trouble_;
  Opens open_;
  std::deque<std::string> waiting_;
  std::map<std::uint32_t, Opens::iterator> asked_;
  std::uint32_t last_id_ = 0;
  std::size_t others_ = 0;  // what it has said in this second that is no answer
  Learned learned_;
  Ended ended_;
  RateLimit limit_{60};  // seconds
  EventLoop::Watch watch_;
  EventLoop::Timer timer_;
};

}  // namespace grey

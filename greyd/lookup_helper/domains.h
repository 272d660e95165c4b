// The domains that are being flattened, each by questions of its own, within bounds of number and
// time. Knows neither DNS nor daemon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "greyd/spf/flattening.h"
#include "greyd/spf/messages.h"

namespace grey {

class Domains {
 public:
  static constexpr std::size_t kMost = 64;            // at once
  static constexpr std::size_t kMostQuestions = 256;  // open ones, with those of domains given up
  static constexpr std::int64_t kTime = 8000;         // milliseconds for one

  using Done = std::function<void(const spf::Answer&)>;
  // False: it cannot be asked. `open`: how many are, of all times.
  struct Dns {
    std::function<bool(const spf::Question&, Done)> ask;
    std::function<std::size_t()> open;
  };
  using Tell = std::function<void(const spf::DomainAnswer&)>;

  Domains(Dns dns, Tell tell) : dns_(std::move(dns)), tell_(std::move(tell)) {}
  Domains(const Domains&) = delete;
  Domains& operator=(const Domains&) = delete;

  // `now` in milliseconds of a clock that is never set. One for which there is no room is answered
  // with a temporary failure at once.
  void begin(const spf::DomainQuestion& question, std::int64_t now);
  void give_up_overdue(std::int64_t now);
  std::size_t size() const { return domains_.size(); }

 private:
  struct Domain {
    spf::DomainQuestion question;
    spf::Flattening flattening;
    std::int64_t until;
  };

  void ask(std::uint64_t number);
  void take(std::uint64_t number, std::size_t i, const spf::Answer& answer);
  void end(std::uint64_t number, const spf::Flattened& flattened);

  Dns dns_;
  Tell tell_;
  std::map<std::uint64_t, Domain> domains_;  // in the order in which they have come
  std::uint64_t next_ = 0;
};

}  // namespace grey

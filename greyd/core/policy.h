// What the operator decides about the decision. Plain values; see qmail-greyd(8) for each option.
#pragma once

#include <cstdint>

#include "greyd/base/seconds.h"

namespace grey {

enum class RecipientRule : std::uint8_t { any, all };
enum class SenderKey : std::uint8_t { full, normalized, domain, none };
enum class RecipientKey : std::uint8_t { full, none };
// As which pools (pools.h) a client counts besides itself.
enum class PoolUse : std::uint8_t { on, name, spf, off };

// Who is greylisted: all, or who is suspect (suspicion.h). Daemons of one store may differ in it:
// who is not suspect leaves nothing there, and of who is the same is stored and decided by both.
enum class Select : std::uint8_t { all, suspect };

// Which program's rules apply where they differ: ours, or those of John Levine's greydaemon.
enum class Personality : std::uint8_t { qmail_greyd, greydaemon };

// How long an accepted bounce stays good: the server may refuse it for now after its end, and the
// next attempt comes hours later at worst (RFC 5321, 4.5.4.1). Use does not prolong it.
constexpr Seconds kBounceLife = 6 * 60 * 60;

// What is asked of one who is to be let pass. Apart from the rest, as it may be other for some
// clients, senders or recipients than for most.
struct Terms {
  Seconds min_resend = 5 * 60;           // a retry before this age is early
  Seconds resend_window = 12 * 60 * 60;  // a retry at this age or later is stale
  Seconds timeout = 7 * 24 * 60 * 60;    // idle life of a known client and of a passed triplet
  unsigned client_passes = 1;  // good retries that make a client known; 0: no client ever is
  Seconds replies = 0;  // how long whom ours have written to may answer without a wait; 0: off

  // How long a triplet that has not passed is remembered: until it is stale, and then as long as a
  // passed one, so that a late retry is told from a first attempt.
  constexpr Seconds waiting_life() const {
    return resend_window > timeout ? resend_window : timeout;
  }
  // Of what is known of good retries, and of what was sent.
  constexpr Seconds longest_life() const { return replies > timeout ? replies : timeout; }
};

struct Policy : Terms {
  RecipientRule recipients = RecipientRule::any;
  unsigned ipv4_prefix = 32;  // bits of a client's address that count
  unsigned ipv6_prefix = 64;
  SenderKey sender_key = SenderKey::full;
  RecipientKey recipient_key = RecipientKey::full;
  PoolUse pools = PoolUse::off;
  Select select = Select::all;

  bool dry_run = false;  // decide and record as usual, but answer accept
  Personality personality = Personality::qmail_greyd;

  // Whether a client is its address as it is, whatever prefix that has: greydaemon's way, where no
  // number of bits is set.
  bool clients_are_whole() const {
    return personality == Personality::greydaemon && ipv4_prefix == 32 && ipv6_prefix == 128;
  }
};

}  // namespace grey

// What an item becomes here. The one place where the policy has its say:
//
// - A stamp after `now` counts as now, as it does in a decision (rules.h). What is over, for the
//   source or under the policy, is not taken.
// - Who is known there is known here: with as many good retries as the policy wants, where the
//   source does not count them. Where no client ever is (--client-passes=0), whom a source knows by
//   the address alone becomes a passed triplet "*", "*": what a front asks that decides by the
//   client alone (greysmtpd --stage=connect).
// - Such a source's waiting clients are waiting triplets "*", "*".
// - A client that is no address is one under greydaemon's rules alone.
// - A network that is several clients under the policy: a known one becomes an entry that allows it
//   for the time that is left. Any other is not taken, as it would let in whom nobody has seen.
#pragma once

#include <variant>

#include "greyd/core/entries.h"
#include "greyd/core/policy.h"
#include "greyd/core/record.h"
#include "greyd/imports/item.h"

namespace grey::imports {

// The record's texts are those of the item, and live as long.
using Judged = std::variant<SavedRecord, Entry, Skip>;

// Pure. An entry is by "import", and as old as what it comes from, so that twice is once; where
// that is not known it is made now.
Judged judge(const Item& item, const Policy& policy, Seconds now);

// Whether all addresses of it are one client under the policy.
bool is_one_client(const Network& network, const Policy& policy);

}  // namespace grey::imports

#include "smtpd-glue/libgreylist/tagging_daemons.h"

#include <cstdint>

namespace grey::glue {
namespace {

// Words that every processor changes at once, without a lock. By the compiler's own functions, as
// <atomic> does not go with musl's headers.
using Word = std::uintptr_t;
static_assert(__atomic_always_lock_free(sizeof(Word), nullptr));

Word tagging_daemons[kMaxTaggingDaemons];  // filled in order; 0: free

// FNV-1a, not 0. Daemons that were alike here would be taken for one another, and nobody but the
// administrator says which there are.
Word word_of(const Endpoint& daemon) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](unsigned octet) { hash = (hash ^ octet) * 0x100000001b3; };
  for (const auto octet : daemon.ip.bytes()) add(octet);
  add(daemon.port >> 8);
  add(daemon.port & 255u);
  return Word(hash ^ hash >> 32) | 1;
}

}  // namespace

bool sends_tags(const Endpoint& daemon) {
  const Word word = word_of(daemon);
  for (const auto& known : tagging_daemons) {
    const Word value = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (value == word) return true;
    if (value == 0) return false;
  }
  return false;
}

void remember_sends_tags(const Endpoint& daemon) {
  const Word word = word_of(daemon);
  for (auto& known : tagging_daemons) {
    Word value = 0;
    if (__atomic_compare_exchange_n(&known, &value, word, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      return;
    }
    if (value == word) return;
  }
  __atomic_store_n(&tagging_daemons[word / 2 % kMaxTaggingDaemons], word, __ATOMIC_RELAXED);
}

}  // namespace grey::glue

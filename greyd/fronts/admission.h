// Who may ask by UDP: first the address, then the key. What whoever is let in may cost comes after.
//
// Pure: no socket, no clock, no log, no counter.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "greyd/base/seconds.h"
#include "greyd/lists/network_set.h"
#include "greyd/wire/endpoint.h"
#include "greyd/wire/key_field.h"

namespace grey {

// Whose queries are to have a key, when there are keys.
enum class RequireKey { never, remote, always };

// What an answer is signed with: the key of its query, as it was then, and the MAC of that.
struct AnswerKey {
  bool is_used = false;
  wire::Secret secret{};
  wire::Mac query{};
};

struct Admitted {
  bool is_foreign = false;  // not in --allow; then nothing else is said
  wire::Fault fault = wire::Fault::none;
  Seconds behind = 0;  // of key_late and key_early: see seconds_behind()
};

struct AdmissionSettings {
  NetworkSet allow;  // who may ask
  // Those in force, which must outlive who is handed this; nullptr: there are none, and the field
  // is not looked at.
  const wire::KeyRing* keys = nullptr;
  RequireKey require_key = RequireKey::remote;
  NetworkSet own;  // whoever is not remote
};

class Admission {
 public:
  explicit Admission(AdmissionSettings settings) : settings_(std::move(settings)) {}

  // `key`: where the answer is to be signed, with what.
  Admitted look_at(const Ip& source, std::string_view datagram, Seconds now, AnswerKey& key) const;

 private:
  wire::Fault key_fault(const Ip& source, std::string_view datagram, Seconds now, AnswerKey& key,
                        Seconds& behind) const;

  const AdmissionSettings settings_;
};

// The MAC that goes behind an answer's octets. REQUIRES: at most SignedAnswer::kMostOctets of them.
wire::Mac sign(const AnswerKey& key, std::string_view answer);

}  // namespace grey

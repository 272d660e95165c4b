// Asks a greylisting daemon whether it is there, without leaving a trace in its state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "greyd/endpoint.h"
#include "greyd/wire.h"

namespace grey::svctool {

struct Probe {
  Endpoint endpoint;
  bool answered = false;
  std::string outcome;  // "answers (new)", "no answer within 3 seconds", "Connection refused"
  std::optional<wire::Reason> reason = {};  // answered, when it is one of ours
};

// Sends a probe (wire.h) up to three times, a second apart, and waits for an answer. A daemon other
// than qmail-greyd takes it for a first attempt from 192.0.2.1, an address for documentation.
// REQUIRES: an endpoint that is no wildcard.
Probe probe(const Endpoint& endpoint);

}  // namespace grey::svctool

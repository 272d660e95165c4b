// Asks a greylisting daemon whether it is there, without leaving a trace in its state.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "greyd/wire/endpoint.h"
#include "greyd/wire/wire.h"

namespace grey::svctool {

struct Probe {
  Endpoint endpoint;
  bool answered = false;
  std::string outcome;  // "answers (new)", "no answer within 3 seconds", "Connection refused"
  std::optional<wire::Reason> reason = {};  // answered, when it is one of ours
};

// Sends a probe (wire.h) up to three times, a second apart, and waits for an answer. A daemon other
// than qmail-greyd takes it for a first attempt from 192.0.2.1, an address for documentation.
// With `key_file` it is under a key of that file, each in its turn, and only what is under it is an
// answer. REQUIRES: an endpoint that is no wildcard.
Probe probe(const Endpoint& endpoint, const std::string& key_file = {});

// Where mail servers ask, by a connection: "127.0.0.1@10023", or the path of a unix socket.
struct MtaProbe {
  bool answered = false;
  std::string outcome;  // "no answer within 3 seconds", "Connection refused"
  pid_t peer = 0;       // of a unix socket: the process that listens there; 0: not known
};

// Asks as Postfix does about a client that has only connected, of which nothing is stored.
MtaProbe probe_mta(const std::string& place);

}  // namespace grey::svctool

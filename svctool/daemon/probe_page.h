// Asks what greyctl serve answers about itself.
#pragma once

#include <string>

#include "greyd/wire/endpoint.h"

namespace grey::svctool {

struct PageProbe {
  int code = 0;         // of HTTP; 0: there was no answer
  std::string outcome;  // "ok", the first line of what was said; or why there was no answer
};

// GET /healthz, for a few seconds at most. A page of every address is asked at 127.0.0.1.
PageProbe probe_page(const Endpoint& listen);

// Of what came, up to the end of the connection. Pure.
PageProbe parse_page_answer(const std::string& answer);

}  // namespace grey::svctool

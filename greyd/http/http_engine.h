// HTTP/1.1 between octets and messages, by cpp-httplib. No sockets, no time: who calls has read the
// head of a request, and sends what comes of it.
//
// Of the library this takes the parsing of a request and the writing of an answer, and not its
// server. That (0.11) has a thread wait for each connection, takes them without bound, ends when
// accept(2) fails, shares its port with whoever opens it again (SO_REUSEPORT), buffers a line that
// does not end for ever, reads a body however long, and builds each of any number of ranges. So it
// sees a head alone, of bounded length, with only the fields that it is to act on; no request here
// has a body, an answer is never a range, nor compressed (it would take its time with brotli).
//
// The only user of httplib.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/http/http_message.h"

namespace grey::http {

class Engine {
 public:
  // Nothing: not yet. What it throws is answered with 500.
  using Handler = std::function<std::optional<Answer>(const Request&)>;

  struct Reply {
    std::optional<std::string> octets;  // nothing where the handler says so: ask again
    bool last = false;                  // the connection ends with it
  };

  // `idle`, `most`: seconds that a connection may be idle, and requests that it may bring. Said to
  // the peer, and looked at by who has the connection.
  Engine(long idle, std::size_t most);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // `head`: a request's, with the empty line that ends it. `last`: the connection ends with the
  // reply in any case.
  Reply respond(std::string_view head, bool last, const Handler& handler);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

// What who sends no request is told, without it: 400, 414, 431. The connection ends with it.
std::string refusal(int status);

}  // namespace grey::http

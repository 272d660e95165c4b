// What is spoken on the connections of a stream server (stream_server.h): bytes to requests,
// answers to bytes. The server knows of sockets, sources, bounds and time; a protocol knows none of
// them.
//
// An answer is written at once, or later by StreamServer::out() and answered(). A long one comes in
// pieces, as the reader takes them: more().
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"
#include "greyd/wire/endpoint.h"

namespace grey {

// Of a connection. Never used twice.
using StreamId = std::uint64_t;

// Who is at the other end: an address, or by a unix socket the process that has connected.
struct StreamPeer {
  struct Process {
    pid_t pid = 0;  // 0: in no process namespace of ours
    uid_t user = 0;
    gid_t group = 0;
  };
  std::optional<Endpoint> address;
  Process process;  // without an address
};
// "127.0.0.1@40312" or "local"
std::string to_text(const std::optional<Endpoint>& peer);

// One connection's side of the protocol. What it throws closes the connection.
class StreamTalk {
 public:
  enum class Then : std::uint8_t {
    go_on,
    end,    // closed when its answers have been taken
    drain,  // likewise; what the peer is still sending is read and thrown away, as a connection
            // that is closed with that unread is reset, and the answers are lost on the way
  };
  struct Taken {
    unsigned due = 0;       // requests whose answers come by answered()
    std::size_t extra = 0;  // what they cost beyond one each: sources take turns by both
    Then then = Then::go_on;
  };

  virtual ~StreamTalk() = default;
  // Takes all of `bytes`; what is appended to `out` is sent. Not called while answers are due, or
  // not taken.
  virtual Taken receive(std::string_view bytes, std::string& out, Seconds now) = 0;
  // The peer sends no more; it may still read. The connection ends with the answers to what it has
  // sent.
  virtual Taken at_end(std::string& /*out*/, Seconds /*now*/) { return {}; }
  // All that was written has been taken, and no answer is due: the next piece of a long answer.
  // False when that is over. A piece that was long to make may be empty: others have their turn
  // before the next. It bounds what a reader that stands still keeps of our memory, and has to be
  // taken within StreamSettings::unfinished_ticks.
  virtual bool more(std::string& /*out*/) { return false; }

  // Not in the midst of a request or of a long answer: it may take its time.
  virtual bool idle() const = 0;
  // Bytes that it holds.
  virtual std::size_t memory() const = 0;
  // It is idle, and all is answered: what was kept for the last request can be given back.
  virtual void rest() {}
};

class StreamProtocol {
 public:
  virtual ~StreamProtocol() = default;
  // Somebody has connected. nullptr refuses.
  virtual std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds now) = 0;
  // Whether requests can be taken now. When not, nothing is read until StreamServer::resume().
  virtual bool ready() const { return true; }
  // A turn is over: of all that was ready a bounded number of requests has been taken, and may be
  // answered together.
  virtual void turn_over(Seconds /*now*/) {}
  // There was no memory for the turn: what was taken in it is to be closed (StreamServer::close).
  virtual void turn_failed() noexcept {}
};

}  // namespace grey

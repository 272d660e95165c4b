// How connections of StreamServer come, and who goes for them.
#include <sys/socket.h>

#include <cerrno>

#include "greyd/net/socket_address.h"
#include "greyd/net/stream_server.h"

namespace grey {
namespace {

constexpr int kAcceptsPerEvent = 16;  // connections

// Whoever runs the peer of a unix socket; TCP has only its address.
StreamPeer peer_of(int fd, const sockaddr_storage& address, bool local) {
  StreamPeer peer;
  if (!local) {
    peer.address = to_endpoint(reinterpret_cast<const sockaddr&>(address));
    return peer;
  }
  ucred process{};
  socklen_t size = sizeof process;
  ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &size);
  peer.process = {process.pid, process.uid, process.gid};
  return peer;
}

StreamSourceKey key_of(const StreamPeer& peer) {
  return peer.address ? StreamSourceKey::of_address(peer.address->ip)
                      : StreamSourceKey::of_user(peer.process.user);
}

}  // namespace

void StreamServer::accept_from(std::size_t listener, Seconds now) {
  const bool local = listeners_[listener].is_local();
  for (int i = 0; i < kAcceptsPerEvent && !paused_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    // Nobody could go for the last one.
    if (connections_.overfull() && !make_room(nullptr)) break;
    Fd fd(::accept4(listeners_[listener].fd(), reinterpret_cast<sockaddr*>(&address), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // No descriptor; none in the whole system; or there is none to accept, or it is gone already.
      if (errno == EMFILE && i == 0) make_room(nullptr);
      if (errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting(true);
      break;
    }
    const StreamPeer peer = peer_of(fd.get(), address, local);
    try {
      add(std::move(fd), peer, now);
    } catch (...) {
      ++counters_.unaccepted;  // no memory
      throw;
    }
  }
  if (!paused_) return;
  if (const auto count = full_limit_.due(now)) {
    logger_.warn("{} connections={} count={}: no more can be accepted and all are being decided",
                 settings_.name, connections_.size(), count);
  }
}

// Its peer opens another one when it needs it. False, and a pause, when nobody can go.
bool StreamServer::make_room(const Connection* newcomer) {
  Connection* const goes = connections_.to_make_room(newcomer);
  if (goes == nullptr) {
    pause_accepting(true);
    return false;
  }
  ++crowded_;
  ++counters_.crowded_out;
  crowd_ = goes->peer;
  connections_.close(*goes);
  return true;
}

// What cannot be accepted would keep fd() readable for ever.
void StreamServer::pause_accepting(bool pause) {
  paused_ = pause;
  if (pause) ++counters_.paused;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{pause ? 0u : std::uint32_t(EPOLLIN), {.u64 = i}};
    ::epoll_ctl(fd(), EPOLL_CTL_MOD, listeners_[i].fd(), &event);
  }
}

void StreamServer::add(Fd fd, const StreamPeer& peer, Seconds now) {
  const Id id = connections_.new_id();
  std::unique_ptr<StreamTalk> talk = protocol_.accept(id, peer, now);
  if (talk == nullptr) {
    ++counters_.refused;
    return;
  }
  Connection* const connection =
      connections_.add(id, std::move(fd), peer.address, key_of(peer), now_);
  if (connection == nullptr) {
    ++counters_.unaccepted;
    make_room(nullptr);
    return;
  }
  ++counters_.accepted;
  connection->talk = std::move(talk);
  if (connections_.overfull()) make_room(connection);
}

}  // namespace grey

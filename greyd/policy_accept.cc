// How connections of PolicyServer come, and who goes for them.
#include <sys/socket.h>

#include <cerrno>

#include "greyd/policy_server.h"
#include "greyd/socket_address.h"

namespace grey {
namespace {

constexpr int kAcceptsPerEvent = 16;  // connections

// Whoever runs the peer of a unix socket; TCP has only its address.
PolicySourceKey key_of(int fd, const std::optional<Endpoint>& peer) {
  if (peer) return PolicySourceKey::of_address(peer->ip);
  ucred user{};
  socklen_t size = sizeof user;
  ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size);
  return PolicySourceKey::of_user(user.uid);
}

}  // namespace

void PolicyServer::accept_from(std::size_t listener, Seconds now) {
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
    std::optional<Endpoint> peer;
    if (!local) peer = to_endpoint(reinterpret_cast<const sockaddr&>(address));
    if (peer && !settings_.allow.contains(peer->ip)) {
      if (const auto count = refused_limit_.due(now)) {
        logger_.warn("policy connection refused source={} count={}: not in --allow", to_text(peer),
                     count);
      }
      continue;
    }
    add(std::move(fd), peer);
  }
  if (!paused_) return;
  if (const auto count = full_limit_.due(now)) {
    logger_.warn(
        "policy connections={} count={}: no more can be accepted and all are being decided",
        connections_.size(), count);
  }
}

// A mail server opens another one when it needs it. False, and a pause, when nobody can go.
bool PolicyServer::make_room(const Connection* newcomer) {
  Connection* const goes = connections_.to_make_room(newcomer);
  if (goes == nullptr) {
    pause_accepting(true);
    return false;
  }
  ++crowded_;
  crowd_ = goes->peer;
  connections_.close(*goes);
  return true;
}

// What cannot be accepted would keep fd() readable for ever.
void PolicyServer::pause_accepting(bool pause) {
  paused_ = pause;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{pause ? 0u : std::uint32_t(EPOLLIN), {.u64 = i}};
    ::epoll_ctl(fd(), EPOLL_CTL_MOD, listeners_[i].fd(), &event);
  }
}

void PolicyServer::add(Fd fd, const std::optional<Endpoint>& peer) {
  const PolicySourceKey key = key_of(fd.get(), peer);
  Connection* const connection = connections_.add(std::move(fd), peer, key, now_);
  if (connection == nullptr) {
    make_room(nullptr);
  } else if (connections_.overfull()) {
    make_room(connection);
  }
}

}  // namespace grey

#include "greyd/store/redis_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "greyd/net/clock.h"
#include "greyd/net/socket_address.h"
#include "greyd/store/first_thrown.h"
#include "greyd/store/pending_calls.h"
#include "greyd/store/redis_protocol.h"
#include "greyd/store/stream_socket.h"

namespace grey {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kReadSize = 64 << 10;
constexpr microseconds kLate = milliseconds(5);  // that a timer is: the loop was busy, or stopped
constexpr int kReadsInTurn = 4;                  // others on the loop have their turn, too
// Octets of commands that do not wait for the others of the turn: some dozens of them.
constexpr std::size_t kSendAt = 8 << 10;

enum class State {
  idle,
  resolving,
  connecting,
  greeting,
  ready,
};

// A copy, even when there is no memory for its text.
Outcome outcome_of(const Failure& failure) noexcept {
  try {
    return tl::make_unexpected(failure);
  } catch (const std::exception&) {
    return tl::make_unexpected(Failure{failure.fault, {}});
  }
}

// "message", a channel, what was said there.
bool is_message(const Reply& reply) {
  return reply.items.size() == 3 && reply.items[0].is("message") && reply.items[1].is_bytes() &&
         reply.items[2].is_bytes();
}

}  // namespace

// Kept by each callback while it runs, so that the link may be destroyed in one.
struct RedisLink::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventLoop& the_loop, Resolver& the_resolver, std::vector<Greeting> the_greetings,
       LinkLimits the_limits, OnLost lost, OnMessage message)
      : loop(the_loop),
        resolver(the_resolver),
        greetings(std::move(the_greetings)),
        limits(the_limits),
        on_lost(std::move(lost)),
        on_message(std::move(message)) {}

  void connect(const StorePlace& place, Connected done);
  void resolved(const Resolver::Addresses& found);
  bool try_next();
  void opened(FirstThrown& thrown);
  void greeted(const Greeting& greeting, const Outcome& outcome);
  void command(const std::vector<std::string>& words, Done done, microseconds time);
  template <typename Append>
  void command(std::size_t size, Append append, Done done, microseconds end);
  void arm(microseconds end);
  void expire();
  void on_ready(unsigned events);
  void send(FirstThrown& thrown);
  void receive(FirstThrown& thrown);
  void take_replies(FirstThrown& thrown);
  void drop(Failure why, FirstThrown& thrown) noexcept;
  PendingCalls shut() noexcept;
  void end_calls(const PendingCalls& ended, const Failure& why, FirstThrown& thrown) noexcept;
  Failure at_place(Fault fault, const std::string& text) const {
    return {fault, where + ": " + text};
  }

  // What is called by the loop or by the background: this stays while it runs, and what is thrown
  // for want of memory ends the connection, and not only this turn.
  template <typename Body>
  void enter(Body body) {
    const std::shared_ptr<Impl> self = shared_from_this();
    FirstThrown thrown;
    try {
      body(thrown);
    } catch (const std::bad_alloc&) {
      drop({Fault::closed, "no memory"}, thrown);
    }
    thrown.rethrow();
  }

  EventLoop& loop;
  Resolver& resolver;
  const std::vector<Greeting> greetings;
  const LinkLimits limits;
  OnLost on_lost;
  OnMessage on_message;

  bool dead = false;  // the link has gone: nobody is told any more
  State state = State::idle;
  unsigned generation = 0;  // of what state began with: another one after shut()
  std::string where;
  StorePlace place;
  std::vector<Ip> addresses;  // of the place
  std::size_t tried = 0;      // how many of them
  std::size_t first = 0;      // where to begin: behind one that has not answered
  Connected connected;
  std::size_t ungreeted = 0;  // greetings without an answer
  ServerFacts server;

  StreamSocket socket;
  EventLoop::Watch watch;  // goes before the socket
  EventLoop::Timer connect_timer, command_timer;
  microseconds timer_end = microseconds::max();  // of command_timer; max(): nothing is due
  std::unique_ptr<ReplyReader> reader;
  PendingCalls calls;
};

// ---- connecting --------------------------------------------------------------------------------

void RedisLink::Impl::connect(const StorePlace& to, Connected done) {
  if (to != place) first = 0;
  place = to;
  where = to_string(to);
  connected = std::move(done);
  state = State::resolving;
  connect_timer = loop.after(limits.connect_ms / 1000., [this] {
    enter([this](FirstThrown& thrown) {
      const std::string within = " within " + std::to_string(limits.connect_ms) + " ms";
      if (state == State::connecting) first += tried;
      switch (state) {
        case State::resolving:
          return drop(at_place(Fault::unresolved, "its name is not answered for" + within), thrown);
        case State::connecting:
          return drop(at_place(Fault::timed_out, "no connection" + within), thrown);
        default:
          return drop(at_place(Fault::timed_out, "it has not answered" + within), thrown);
      }
    });
  });
  resolver.find(to.host,
                [weak = weak_from_this(), mine = generation](const Resolver::Addresses& found) {
                  const std::shared_ptr<Impl> self = weak.lock();
                  if (self != nullptr && self->generation == mine) self->resolved(found);
                });
}

void RedisLink::Impl::resolved(const Resolver::Addresses& found) {
  enter([&](FirstThrown& thrown) {
    if (!found) return drop(found.error(), thrown);
    addresses = *found;
    tried = 0;
    state = State::connecting;
    errno = 0;
    if (!try_next()) drop(at_place(Fault::unreachable, std::strerror(errno)), thrown);
  });
}

// False, and errno, when no address is left.
bool RedisLink::Impl::try_next() {
  int error = errno;
  while (tried < addresses.size()) {
    const Ip& ip = addresses[(first + tried++) % addresses.size()];
    watch.reset();
    Result<Fd> made = connect_socket({ip, place.port});
    if (!made) {
      error = made.error().number;
      continue;
    }
    socket = StreamSocket(std::move(*made));
    watch =
        loop.watch(socket.fd(), EventLoop::kWrite, [this](unsigned events) { on_ready(events); });
    return true;
  }
  errno = error;
  return false;
}

// The socket says that connect(2) has ended.
void RedisLink::Impl::opened(FirstThrown& thrown) {
  const int error = socket.connect_error();
  if (error != 0) {
    errno = error;
    if (!try_next()) drop(at_place(Fault::unreachable, std::strerror(errno)), thrown);
    return;
  }
  set_socket_option(socket.fd(), IPPROTO_TCP, TCP_NODELAY);
  reader = std::make_unique<ReplyReader>();
  state = State::greeting;
  ungreeted = greetings.size();
  for (const Greeting& greeting : greetings) {
    if (state != State::greeting) return;
    // The connection's own time is over earlier.
    command(
        greeting.words, [this, &greeting](const Outcome& outcome) { greeted(greeting, outcome); },
        milliseconds(2 * limits.connect_ms));
  }
  if (ungreeted != 0) return;
  state = State::ready;
  connect_timer.reset();
  watch.set(EventLoop::kRead);
  const Connected done = std::exchange(connected, nullptr);
  thrown.tell([&] { done(std::nullopt); });
}

void RedisLink::Impl::greeted(const Greeting& greeting, const Outcome& outcome) {
  if (state != State::greeting) return;  // it is told why by drop()
  FirstThrown thrown;
  if (std::optional<Failure> bad = greeting.judge(outcome)) {
    drop(at_place(bad->fault, bad->text), thrown);
    return thrown.rethrow();
  }
  if (greeting.learn != nullptr) greeting.learn(outcome ? *outcome : Reply(), server);
  if (--ungreeted == 0) {
    state = State::ready;
    connect_timer.reset();
    const Connected done = std::exchange(connected, nullptr);
    done(std::nullopt);
  }
  thrown.rethrow();
}

// ---- ending ------------------------------------------------------------------------------------

// Idle again; who waited is the caller's to tell.
PendingCalls RedisLink::Impl::shut() noexcept {
  ++generation;
  state = State::idle;
  watch.reset();
  socket = StreamSocket();
  connect_timer.reset();
  command_timer.reset();
  timer_end = microseconds::max();
  reader.reset();
  return calls.take_all();
}

void RedisLink::Impl::end_calls(const PendingCalls& ended, const Failure& why,
                                FirstThrown& thrown) noexcept {
  ended.for_each([&](const Done& done) {
    if (!dead) thrown.tell([&] { done(outcome_of(why)); });
  });
}

// The connection, or what was to be one, has failed.
void RedisLink::Impl::drop(Failure why, FirstThrown& thrown) noexcept {
  if (state == State::idle) return;
  const bool was_ready = state == State::ready;
  const PendingCalls ended = shut();
  const unsigned mine = generation;
  const Connected not_connected = std::exchange(connected, nullptr);
  end_calls(ended, why, thrown);
  // One of those may have closed or connected anew: then it knows.
  if (generation != mine) return;
  if (not_connected)
    thrown.tell([&] { not_connected(why); });
  else if (was_ready && on_lost)
    thrown.tell([&] { on_lost(why); });
}

// ---- commands ----------------------------------------------------------------------------------

void RedisLink::Impl::command(const std::vector<std::string>& words, Done done, microseconds time) {
  std::size_t size = 0;
  for (const std::string& word : words) size += word.size();
  command(
      size, [&](std::string& out) { append_command(out, words); }, std::move(done),
      monotonic_microseconds() + time);
}

// One of so many octets that `append` appends.
template <typename Append>
void RedisLink::Impl::command(std::size_t size, Append append, Done done, microseconds end) {
  if (calls.size() >= limits.max_waiting || socket.unsent_size() + size > limits.max_unsent) {
    return done(store_failure(Fault::too_many, "too much waits for " + where));
  }
  std::string& unsent = socket.unsent();
  const std::size_t before = unsent.size();
  calls.add(end);
  try {
    append(unsent);
    arm(end);
    watch.set(EventLoop::kRead | EventLoop::kWrite);
  } catch (...) {
    unsent.resize(before);
    calls.remove_last();
    throw;
  }
  calls.tell_last(std::move(done));
  // Else the server would be idle while much is asked, and who asks while much is answered. What
  // has failed is told by reading.
  if (unsent.size() >= kSendAt) (void)socket.send();
}

// The timer runs no longer than until `end`. That it ends early does no harm. One that is due, but
// has not called yet, stands: whether it runs is not asked.
void RedisLink::Impl::arm(microseconds end) {
  if (timer_end <= end) return;
  const microseconds wait = std::max<microseconds>(end - monotonic_microseconds(), milliseconds(1));
  command_timer = loop.after(double(wait.count()) / 1e6, [this] { expire(); });
  timer_end = end;
}

// Who comes late itself does not blame the server for what has been there for long, nor for what
// was not even sent: of the time that was lost here as much is given once more, and to nobody
// twice.
void RedisLink::Impl::expire() {
  enter([this](FirstThrown& thrown) {
    const unsigned mine = generation;
    const microseconds now = monotonic_microseconds();
    const microseconds late = now - std::exchange(timer_end, microseconds::max());
    if (reader != nullptr) receive(thrown);
    if (generation != mine) return;
    const std::string text = where + ": no answer in time";
    const microseconds more = std::min<microseconds>(late, milliseconds(limits.command_ms));
    const microseconds next =
        calls.give_up(now, late > kLate ? more : microseconds(0), [&](const Done& done) {
          thrown.tell([&] { done(store_failure(Fault::timed_out, text)); });
          return generation == mine;
        });
    if (next != microseconds::max()) arm(next);
  });
}

// ---- the socket --------------------------------------------------------------------------------

void RedisLink::Impl::on_ready(unsigned events) {
  enter([&](FirstThrown& thrown) {
    const unsigned mine = generation;
    if (state == State::connecting) return opened(thrown);
    if ((events & EventLoop::kWrite) != 0) send(thrown);
    if (generation == mine && (events & EventLoop::kRead) != 0) receive(thrown);
  });
}

void RedisLink::Impl::send(FirstThrown& thrown) {
  const int error = socket.send();
  if (error == EAGAIN) return;
  // Who takes no more has said why, or goes: reading tells.
  if (error != 0 && error != EPIPE) {
    return drop(at_place(Fault::closed, std::strerror(error)), thrown);
  }
  watch.set(EventLoop::kRead);
}

void RedisLink::Impl::receive(FirstThrown& thrown) {
  const unsigned mine = generation;
  std::array<char, kReadSize> buffer;
  for (int turn = 0; turn < kReadsInTurn; ++turn) {
    const ssize_t size = socket.receive(buffer);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) {
      const std::string why = size == 0 ? "it has closed the connection" : std::strerror(errno);
      return drop(at_place(Fault::closed, why), thrown);
    }
    if (!reader->feed({buffer.data(), std::size_t(size)})) throw std::bad_alloc();
    take_replies(thrown);
    if (generation != mine || std::size_t(size) < buffer.size()) return;
  }
}

void RedisLink::Impl::take_replies(FirstThrown& thrown) {
  const unsigned mine = generation;
  while (generation == mine) {
    tl::expected<std::optional<Reply>, Failure> next = reader->next();
    if (!next) return drop(at_place(next.error().fault, next.error().text), thrown);
    if (!*next) return;
    Reply& reply = **next;
    if (on_message && is_message(reply)) {
      thrown.tell([&] { on_message(reply.items[1].text, reply.items[2].text); });
      continue;
    }
    if (calls.empty()) {
      // A server that takes no more clients says so and goes.
      Failure why = reply.kind == Reply::Kind::error
                        ? failure_of(reply.text)
                        : Failure{Fault::no_redis, "it answers what nobody has asked"};
      return drop(at_place(why.fault, why.text), thrown);
    }
    const Done done = calls.take_first();
    if (!done) continue;
    if (reply.kind != Reply::Kind::error) {
      thrown.tell([&] { done(std::move(reply)); });
      continue;
    }
    Failure why = failure_of(reply.text);
    if (state == State::ready) why.text = where + ": " + why.text;
    thrown.tell([&] { done(tl::make_unexpected(std::move(why))); });
  }
}

// ---- outside -----------------------------------------------------------------------------------

RedisLink::RedisLink(EventLoop& loop, Resolver& resolver, std::vector<Greeting> greetings,
                     LinkLimits limits, OnLost on_lost, OnMessage on_message)
    : impl_(std::make_shared<Impl>(loop, resolver, std::move(greetings), limits, std::move(on_lost),
                                   std::move(on_message))) {}

RedisLink::~RedisLink() {
  impl_->dead = true;
  impl_->shut();
}

void RedisLink::connect(const StorePlace& place, Connected connected) {
  const std::shared_ptr<Impl> impl = impl_;
  close();
  try {
    impl->connect(place, std::move(connected));
  } catch (const std::bad_alloc&) {
    impl->shut();
    throw;
  }
}

void RedisLink::close(const Failure& why) {
  const std::shared_ptr<Impl> impl = impl_;
  FirstThrown thrown;
  const PendingCalls ended = impl->shut();
  impl->connected = nullptr;
  impl->end_calls(ended, why, thrown);
  thrown.rethrow();
}

bool RedisLink::ready() const {
  return impl_->state == State::ready;
}

void RedisLink::command(const std::vector<std::string>& words, Done done) {
  command(words, std::move(done), milliseconds(impl_->limits.command_ms));
}

void RedisLink::command(const std::vector<std::string>& words, Done done, microseconds time) {
  if (!ready()) return done(store_failure(Fault::down, "no connection to the store"));
  const std::shared_ptr<Impl> impl = impl_;
  impl->command(words, std::move(done), time);
}

void RedisLink::encoded(std::string_view command, Done done, microseconds end) {
  if (!ready()) return done(store_failure(Fault::down, "no connection to the store"));
  const std::shared_ptr<Impl> impl = impl_;
  impl->command(
      command.size(), [&](std::string& out) { out += command; }, std::move(done), end);
}

const std::string& RedisLink::where() const {
  return impl_->where;
}

const ServerFacts& RedisLink::server() const {
  return impl_->server;
}

}  // namespace grey

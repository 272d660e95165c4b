#include "greyd/net/event_loop.h"

#include <ev.h>

#include <csignal>
#include <new>
#include <stdexcept>

namespace grey {

struct EventLoop::Impl {
  struct ev_loop* loop = nullptr;
  OnFault on_fault;
  bool stopped = false;  // before run()
};

// Shared with the call that is being made, so that a callback may end its own.
struct EventLoop::Source : std::enable_shared_from_this<Source> {
  Source(struct ev_loop* the_loop, const OnFault& the_handler)
      : loop(the_loop), on_fault(the_handler) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  virtual void call(int events) = 0;
  // For good. What is due already is not called either: libev forgets it.
  virtual void end() noexcept = 0;

  struct ev_loop* const loop;
  const OnFault& on_fault;
};

namespace {

using Source = EventLoop::Source;

// Made without memory, of which there may be none.
struct UnknownKind : std::exception {
  const char* what() const noexcept override { return "an exception of an unknown kind"; }
};

void call(Source& source, int events) noexcept {
  const std::shared_ptr<Source> kept = source.weak_from_this().lock();
  const auto tell = [&](const std::exception& error) {
    try {
      source.on_fault(error);
    } catch (...) {
      return;  // libev is C
    }
  };
  try {
    source.call(events);
  } catch (const std::exception& error) {
    tell(error);
  } catch (...) {
    tell(UnknownKind());
  }
}

// A source with its watcher of libev's.
template <typename Watcher>
struct Watching : Source {
  using Source::Source;
  static void on_event(struct ev_loop*, Watcher* watcher, int events) {
    grey::call(*static_cast<Source*>(watcher->data), events);
  }
  void init() {
    ev_init(&watcher, &on_event);
    watcher.data = static_cast<Source*>(this);
  }
  Watcher watcher{};
};

template <typename Watcher>
struct Calling : Watching<Watcher> {
  using Watching<Watcher>::Watching;
  void call(int) override { callback(); }
  EventLoop::Callback callback;
};

int to_ev(unsigned events) {
  return ((events & EventLoop::kRead) != 0 ? EV_READ : 0) |
         ((events & EventLoop::kWrite) != 0 ? EV_WRITE : 0);
}

struct WatchSource : Watching<ev_io> {
  using Watching::Watching;
  void set(unsigned wanted) {
    if (wanted == events) return;
    events = wanted;
    ev_io_stop(loop, &watcher);
    ev_io_set(&watcher, watcher.fd, to_ev(wanted));
    if (wanted != 0) ev_io_start(loop, &watcher);
  }
  void call(int ready) override {
    // EV_ERROR (a closed descriptor) comes with both.
    callback(((ready & EV_READ) != 0 ? EventLoop::kRead : 0) |
             ((ready & EV_WRITE) != 0 ? EventLoop::kWrite : 0));
  }
  void end() noexcept override { ev_io_stop(loop, &watcher); }

  EventLoop::OnReady callback;
  unsigned events = 0;
};

struct TimerSource : Calling<ev_timer> {
  using Calling::Calling;
  void restart() {
    ev_now_update(loop);  // a callback may have been at work for long
    ev_timer_stop(loop, &watcher);
    ev_timer_set(&watcher, seconds, again ? seconds : 0.);
    ev_timer_start(loop, &watcher);
  }
  void end() noexcept override { ev_timer_stop(loop, &watcher); }

  double seconds = 0;
  bool again = false;
};

struct SignalSource : Calling<ev_signal> {
  using Calling::Calling;
  void start(int number) {
    ev_signal_set(&watcher, number);
    ev_signal_start(loop, &watcher);
    held = change_mask(SIG_UNBLOCK);  // libev leaves the mask as it is
  }
  // Held back again first: libev gives it back its default action, which may be the end.
  void end() noexcept override {
    if (held) change_mask(SIG_BLOCK);
    ev_signal_stop(loop, &watcher);
  }
  // Whether it was held back before.
  bool change_mask(int how) const {
    sigset_t one, before;
    sigemptyset(&one);
    sigaddset(&one, watcher.signum);
    pthread_sigmask(how, &one, &before);
    return sigismember(&before, watcher.signum) == 1;
  }

  bool held = false;
};

struct IdleSource : Calling<ev_idle> {
  using Calling::Calling;
  void end() noexcept override { ev_idle_stop(loop, &watcher); }
};

struct TurnEndSource : Calling<ev_prepare> {
  using Calling::Calling;
  void call(int) override {
    end();
    callback();
  }
  void end() noexcept override { ev_prepare_stop(loop, &watcher); }
};

struct WakerSource : Calling<ev_async> {
  using Calling::Calling;
  void end() noexcept override { ev_async_stop(loop, &watcher); }
};

template <typename Kind, typename Callback>
std::shared_ptr<Kind> make(struct ev_loop* loop, const EventLoop::OnFault& on_fault,
                           Callback callback) {
  auto source = std::make_shared<Kind>(loop, on_fault);
  source->init();
  source->callback = std::move(callback);
  return source;
}

template <typename Kind>
Kind& as(const std::shared_ptr<Source>& source) {
  return static_cast<Kind&>(*source);
}

EventLoop::Timer make_timer(struct ev_loop* loop, const EventLoop::OnFault& on_fault,
                            double seconds, bool again, EventLoop::Callback callback) {
  auto source = make<TimerSource>(loop, on_fault, std::move(callback));
  source->seconds = seconds;
  source->again = again;
  source->restart();
  return EventLoop::Timer(std::move(source));
}

}  // namespace

// ---- handles -----------------------------------------------------------------------------------

void EventLoop::Handle::end(const std::shared_ptr<Source>& source) noexcept {
  if (source != nullptr) source->end();
}
void EventLoop::Watch::set(unsigned events) {
  as<WatchSource>(source_).set(events);
}
void EventLoop::Timer::restart() {
  as<TimerSource>(source_).restart();
}
void EventLoop::Timer::stop() {
  source_->end();
}
bool EventLoop::Timer::running() const {
  return ev_is_active(&as<TimerSource>(source_).watcher);
}
void EventLoop::Idle::start() {
  ev_idle_start(source_->loop, &as<IdleSource>(source_).watcher);
}
void EventLoop::Idle::stop() {
  source_->end();
}
void EventLoop::TurnEnd::start() {
  ev_prepare_start(source_->loop, &as<TurnEndSource>(source_).watcher);
}
void EventLoop::TurnEnd::stop() {
  source_->end();
}
void EventLoop::Waker::wake() const {
  ev_async_send(source_->loop, &as<WakerSource>(source_).watcher);
}

// ---- the loop ----------------------------------------------------------------------------------

// Not epoll: that calls back for every datagram that comes in, also while nobody waits. With the
// few descriptors of this loop poll() answers a tenth more queries (scripts/bench, COST.md). Who
// has thousands has them behind one descriptor here, an epoll set: with 5,000 of them idle poll()
// takes 0.2 us more, where scanning them all takes more than a thousand.
EventLoop::EventLoop(OnFault on_fault) : impl_(std::make_unique<Impl>()) {
  impl_->on_fault = std::move(on_fault);
  impl_->loop = ev_loop_new(EVBACKEND_POLL);
  if (impl_->loop == nullptr) throw std::runtime_error("cannot make an event loop");
}
EventLoop::~EventLoop() {
  ev_loop_destroy(impl_->loop);
}

EventLoop::Watch EventLoop::watch(int fd, unsigned events, OnReady callback) {
  auto source = make<WatchSource>(impl_->loop, impl_->on_fault, std::move(callback));
  ev_io_set(&source->watcher, fd, 0);
  source->set(events);
  return Watch(std::move(source));
}

EventLoop::Timer EventLoop::every(double seconds, Callback callback) {
  return make_timer(impl_->loop, impl_->on_fault, seconds, true, std::move(callback));
}
EventLoop::Timer EventLoop::after(double seconds, Callback callback) {
  return make_timer(impl_->loop, impl_->on_fault, seconds, false, std::move(callback));
}

EventLoop::Signal EventLoop::on_signal(int number, Callback callback) {
  auto source = make<SignalSource>(impl_->loop, impl_->on_fault, std::move(callback));
  source->start(number);
  return Signal(std::move(source));
}

EventLoop::Idle EventLoop::when_idle(Callback callback) {
  return Idle(make<IdleSource>(impl_->loop, impl_->on_fault, std::move(callback)));
}

EventLoop::TurnEnd EventLoop::at_turn_end(Callback callback) {
  return TurnEnd(make<TurnEndSource>(impl_->loop, impl_->on_fault, std::move(callback)));
}

EventLoop::Waker EventLoop::on_wake(Callback callback) {
  auto source = make<WakerSource>(impl_->loop, impl_->on_fault, std::move(callback));
  ev_async_start(impl_->loop, &source->watcher);
  return Waker(std::move(source));
}

void EventLoop::run() {
  if (!std::exchange(impl_->stopped, false)) ev_run(impl_->loop, 0);
  impl_->stopped = false;
}
void EventLoop::step() {
  ev_run(impl_->loop, EVRUN_ONCE);
}
void EventLoop::stop() {
  impl_->stopped = true;
  ev_break(impl_->loop, EVBREAK_ALL);
}

}  // namespace grey

// Calls back when there is something to do: a descriptor is ready, a time has come, a signal, a
// word from another thread, or nothing else. The only user of libev.
//
//   EventLoop loop(on_fault);
//   EventLoop::Watch watch = loop.watch(fd, EventLoop::kRead, [&](unsigned) { ... });
//   EventLoop::Timer timer = loop.every(0.5, [&] { ... });
//   loop.run();
//
// What is begun lasts as long as the object that stands for it: without it the callback is not
// called any more, not even for what has happened already. Such an object may go in any callback,
// its own, too. The loop must outlive it. Nobody has another's callback: two may watch one
// descriptor or signal, each has its own calls.
//
// All in one thread, but for Waker::wake(). An exception that leaves a callback ends with the
// handler that the loop was given, and the loop goes on.
//
// Where memory is short: what begins something throws std::bad_alloc, and nothing has begun; to
// stop, start and change what is begun takes none of ours. (libev ends the process when there is
// none for its own few tables.)
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace grey {

class EventLoop {
 public:
  using Callback = std::function<void()>;
  using OnReady = std::function<void(unsigned events)>;  // which of those that are watched for
  using OnFault = std::function<void(const std::exception&)>;

  // What a descriptor is watched for. One that is closed by its peer, or broken, is ready for both:
  // reading or writing tells.
  static constexpr unsigned kRead = 1, kWrite = 2;

  struct Source;  // what is behind a handle; nobody else's

  class Handle {
   public:
    Handle() = default;  // of nothing
    explicit Handle(std::shared_ptr<Source> source) : source_(std::move(source)) {}
    Handle(Handle&& other) noexcept = default;
    Handle& operator=(Handle&& other) noexcept {
      std::shared_ptr<Source> old = std::exchange(source_, std::move(other.source_));
      end(old);
      return *this;
    }
    ~Handle() { reset(); }
    void reset() noexcept { end(std::exchange(source_, nullptr)); }
    explicit operator bool() const { return source_ != nullptr; }

   protected:
    static void end(const std::shared_ptr<Source>& source) noexcept;
    std::shared_ptr<Source> source_;
  };

  // The functions of those below need one that is not of nothing.

  struct Watch : Handle {
    using Handle::Handle;
    void set(unsigned events);  // from now on it is watched for these; 0: for none
  };
  struct Timer : Handle {
    using Handle::Handle;
    void restart();  // its whole time begins now, whether it runs or not
    void stop();
    bool running() const;
  };
  struct Signal : Handle {
    using Handle::Handle;
  };
  struct Idle : Handle {
    using Handle::Handle;
    void start();
    void stop();
  };
  struct TurnEnd : Handle {
    using Handle::Handle;
    void start();
    void stop();
  };
  struct Waker : Handle {
    using Handle::Handle;
    // From any thread while this stands: its callback is called soon, once or more often for
    // several words that come together.
    void wake() const;
  };

  // `on_fault` must not throw: what it throws is lost.
  explicit EventLoop(OnFault on_fault);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // While `fd` is ready `callback` is called again and again. It must stay open until the handle is
  // gone or watches for nothing.
  [[nodiscard]] Watch watch(int fd, unsigned events, OnReady callback);
  // Each so many seconds (or parts of one) from now, on a clock that is never set. Calls that are
  // late are not made up for.
  [[nodiscard]] Timer every(double seconds, Callback callback);
  // Once. restart() makes it once more.
  [[nodiscard]] Timer after(double seconds, Callback callback);
  // A signal that is held back (sigprocmask(2)) is let through while it is watched, and one that
  // has come before counts. One process has one loop for a signal. The callback is not run in a
  // signal handler.
  [[nodiscard]] Signal on_signal(int number, Callback callback);
  // Again and again when nothing else is to be done, from its start() to its stop(); it begins
  // stopped.
  [[nodiscard]] Idle when_idle(Callback callback);
  // Once for each start(), or for several of one turn: when all that was ready has been called,
  // before the loop waits for more. It begins stopped.
  [[nodiscard]] TurnEnd at_turn_end(Callback callback);
  [[nodiscard]] Waker on_wake(Callback callback);

  // Until stop(), or until nothing is watched any more.
  void run();
  // Waits until something is to be done and does it, once: for who must wait in the midst of
  // something, and for tests. Within run() or not.
  void step();
  // run() returns when the callbacks that are due have returned. Before run(): that does nothing.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grey

// The event loop with real pipes, signals and threads. Nothing here waits for a time to pass, but
// for as long as a timer takes that nothing is compared with.
#include "greyd/net/event_loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/net/background_thread.h"

using namespace grey;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  void write(const char* text) const { REQUIRE(::write(writer.get(), text, 1) == 1); }
  std::string read() const {
    char text[100];
    const ssize_t size = ::read(reader.get(), text, sizeof text);
    return {text, std::size_t(size < 0 ? 0 : size)};
  }
  void fill() const {
    while (::write(writer.get(), "x", 1) == 1) {
    }
  }
  void drain() const {
    while (read() != "") {
    }
  }
  Fd reader, writer;
};

struct Fixture {
  // Until `done`, with a bound for the test's sake.
  template <typename Done>
  void run_until(Done done) {
    const auto end = loop.after(60, [] { FAIL("nothing came"); });
    while (!done()) loop.step();
  }

  std::vector<std::string> faults;
  EventLoop loop{[this](const std::exception& error) { faults.emplace_back(error.what()); }};
};

}  // namespace

TEST_CASE("a loop calls who watches a descriptor as long as it is ready, until it is stopped") {
  Fixture f;
  const Pipe pipe;
  std::string heard;
  const auto watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned events) {
    CHECK(events == EventLoop::kRead);
    heard += pipe.read();
    heard == "ab" ? f.loop.stop() : pipe.write("b");
  });
  pipe.write("a");
  f.loop.run();
  CHECK(heard == "ab");
  CHECK(f.faults.empty());
}

TEST_CASE("a loop that watches nothing any more returns, and so does one that is stopped before") {
  Fixture f;
  f.loop.run();
  const Pipe pipe;
  int calls = 0;
  const auto watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) { ++calls; });
  pipe.write("a");
  f.loop.stop();
  f.loop.run();
  CHECK(calls == 0);
  f.loop.step();
  CHECK(calls == 1);
}

TEST_CASE("what a descriptor is watched for changes: reading, writing, both, neither") {
  Fixture f;
  const Pipe pipe;
  unsigned ready = 0;
  auto watch = f.loop.watch(pipe.writer.get(), EventLoop::kWrite, [&](unsigned e) { ready |= e; });
  int ticks = 0;
  const auto tick = f.loop.every(0.001, [&] { ++ticks; });
  const auto settle = [&] {
    ready = 0;
    const int before = ticks;
    f.run_until([&] { return ticks >= before + 2; });
    return ready;
  };
  CHECK(settle() == EventLoop::kWrite);
  pipe.fill();
  CHECK(settle() == 0);
  pipe.drain();
  CHECK(settle() == EventLoop::kWrite);
  watch.set(0);
  CHECK(settle() == 0);
  watch.set(EventLoop::kRead);
  CHECK(settle() == 0);
  watch.set(EventLoop::kRead | EventLoop::kWrite);
  CHECK(settle() == EventLoop::kWrite);
}

TEST_CASE("a descriptor whose peer is gone is ready, so that reading tells") {
  Fixture f;
  Pipe pipe;
  unsigned ready = 0;
  const auto watch =
      f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned events) { ready |= events; });
  pipe.writer.reset();
  f.run_until([&] { return ready != 0; });
  CHECK((ready & EventLoop::kRead) != 0);
}

TEST_CASE("two may watch one descriptor, and each has its own calls") {
  Fixture f;
  const Pipe pipe;
  int first = 0, second = 0;
  auto one = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) { ++first; });
  const auto two = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) { ++second; });
  pipe.write("a");
  f.loop.step();
  CHECK(first == 1);
  CHECK(second == 1);
  one.reset();
  f.loop.step();
  CHECK(first == 1);
  CHECK(second == 2);
}

TEST_CASE("a handle that goes takes its calls with it, also those that are due, also in its own") {
  Fixture f;
  const Pipe pipe;
  // Whichever is called first ends both; the text shows that what is captured lives on till then.
  std::optional<EventLoop::Watch> one, two;
  int calls = 0;
  const std::string text(100, 't');
  const auto end_both = [&, text](unsigned) {
    ++calls;
    one.reset();
    two.reset();
    CHECK(text == std::string(100, 't'));
  };
  one = f.loop.watch(pipe.reader.get(), EventLoop::kRead, end_both);
  two = f.loop.watch(pipe.reader.get(), EventLoop::kRead, end_both);
  pipe.write("a");
  f.loop.step();
  CHECK(calls == 1);
  f.loop.run();  // nothing is watched
  CHECK(calls == 1);
}

TEST_CASE("a handle may be replaced in its own call, and be moved") {
  Fixture f;
  const Pipe pipe;
  std::string heard;
  EventLoop::Watch watch;
  CHECK(!watch);
  watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) {
    heard += "1";
    watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) { heard += "2"; });
  });
  pipe.write("a");
  f.loop.step();
  const EventLoop::Watch moved = std::move(watch);
  f.loop.step();
  CHECK(heard == "12");
}

TEST_CASE("timers: one that comes again and again, one that comes once, in parts of a second") {
  Fixture f;
  int slices = 0, once = 0;
  auto timer = f.loop.every(0.001, [&] { ++slices; });
  const auto single = f.loop.after(0.0005, [&] { ++once; });
  f.run_until([&] { return slices == 3; });
  CHECK(once == 1);
  CHECK(!single.running());
  CHECK(timer.running());
  timer.stop();
  CHECK(!timer.running());
  f.loop.run();
  CHECK(slices == 3);
  timer.restart();
  f.run_until([&] { return slices == 5; });
}

TEST_CASE("a timer of once can be begun again in its own call, as time-outs are") {
  Fixture f;
  int calls = 0;
  EventLoop::Timer timer;
  timer = f.loop.after(0.001, [&] {
    if (++calls < 3) timer.restart();
  });
  f.loop.run();
  CHECK(calls == 3);
}

TEST_CASE("a signal that was held back is let through while it is watched, and held back after") {
  Fixture f;
  sigset_t held, now;
  sigemptyset(&held);
  sigaddset(&held, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
  ::raise(SIGUSR1);  // before anybody watches
  int calls = 0;
  {
    const auto one = f.loop.on_signal(SIGUSR1, [&] { ++calls; });
    f.run_until([&] { return calls == 1; });
    ::raise(SIGUSR1);
    f.run_until([&] { return calls == 2; });
  }
  ::raise(SIGUSR1);  // would end the process
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  CHECK(sigismember(&now, SIGUSR1) == 1);
  std::signal(SIGUSR1, SIG_IGN);
  pthread_sigmask(SIG_UNBLOCK, &held, nullptr);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("what is left for when nothing else is to be done waits for what is") {
  Fixture f;
  const Pipe pipe;
  int idle_calls = 0, reads = 0;
  auto idle = f.loop.when_idle([&] {
    ++idle_calls;
    f.loop.stop();
  });
  const auto watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) {
    CHECK(idle_calls == 0);
    if (++reads == 3) pipe.read();
  });
  pipe.write("a");
  f.loop.step();
  CHECK(idle_calls == 0);  // it begins stopped
  idle.start();
  f.loop.run();
  CHECK(reads == 3);
  CHECK(idle_calls == 1);
  f.loop.run();
  CHECK(idle_calls == 2);
  idle.stop();
}

TEST_CASE("the end of a turn comes when all that was ready has been called, once for all who ask") {
  Fixture f;
  const Pipe one, two;
  int reads = 0, ends = 0;
  auto end = f.loop.at_turn_end([&] {
    CHECK(reads == 2);
    ++ends;
    f.loop.stop();
  });
  const auto on_read = [&](const Pipe& pipe) {
    return [&](unsigned) {
      pipe.read();
      ++reads;
      end.start();
      CHECK(ends == 0);
    };
  };
  const auto first = f.loop.watch(one.reader.get(), EventLoop::kRead, on_read(one));
  const auto second = f.loop.watch(two.reader.get(), EventLoop::kRead, on_read(two));
  one.write("a");
  two.write("b");
  f.loop.run();
  CHECK(ends == 1);
  SUBCASE("and not again") {
    const auto late = f.loop.after(0.01, [&] { f.loop.stop(); });
    f.loop.run();
    CHECK(ends == 1);
  }
  SUBCASE("and again when it is asked for, before anything is waited for") {
    end.start();
    f.loop.run();
    CHECK(ends == 2);
  }
  SUBCASE("and not when it has been stopped") {
    end.start();
    end.stop();
    const auto late = f.loop.after(0.01, [&] { f.loop.stop(); });
    f.loop.run();
    CHECK(ends == 1);
  }
}

TEST_CASE("another thread wakes the loop, and each waker has its own callback") {
  Fixture f;
  const auto own = std::this_thread::get_id();
  int first = 0, second = 0;
  const auto one = f.loop.on_wake([&] {
    CHECK(std::this_thread::get_id() == own);
    ++first;
  });
  const auto two = f.loop.on_wake([&] { ++second; });
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) one.wake();
  });
  f.run_until([&] { return first > 0; });
  other.join();
  CHECK(first <= 1000);
  CHECK(second == 0);
}

TEST_CASE("what a callback throws ends with the handler, and the loop goes on") {
  Fixture f;
  const Pipe pipe;
  int calls = 0;
  const auto watch = f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) {
    if (++calls == 1) throw std::runtime_error("no luck");
    if (calls == 2) throw 2;
    f.loop.stop();
  });
  pipe.write("a");
  f.loop.run();
  CHECK(calls == 3);
  CHECK(f.faults == std::vector<std::string>{"no luck", "an exception of an unknown kind"});
}

TEST_CASE("a handler that throws itself ends nothing") {
  EventLoop loop([](const std::exception&) { throw std::runtime_error("no memory for the log"); });
  int calls = 0;
  const auto timer = loop.every(0.001, [&] {
    if (++calls == 2) loop.stop();
    throw std::runtime_error("no luck");
  });
  loop.run();
  CHECK(calls == 2);
}

TEST_CASE("a callback may wait for others in its midst") {
  Fixture f;
  const Pipe pipe;
  std::string heard;
  const auto watch =
      f.loop.watch(pipe.reader.get(), EventLoop::kRead, [&](unsigned) { heard += pipe.read(); });
  const auto drain = f.loop.after(0.001, [&] {
    pipe.write("a");
    while (heard.empty()) f.loop.step();
    heard += "!";
    f.loop.stop();
  });
  f.loop.run();
  CHECK(heard == "a!");
}

TEST_CASE("work in the background is told in the loop's thread, in its order") {
  Fixture f;
  std::vector<int> told;
  {
    BackgroundThread background(f.loop);
    REQUIRE(background.fault() == 0);
    for (int i = 0; i < 3; ++i) {
      background.run([i] { return i; }, [&told](int result) { told.push_back(result); });
    }
    f.run_until([&] { return told.size() == 3; });
    background.run([]() -> int { throw std::bad_alloc(); }, [&](int e) { told.push_back(e); });
    background.drain();
    background.run([] { return 7; }, [&](int result) { told.push_back(result); });
  }
  CHECK(told == std::vector<int>{0, 1, 2, ENOMEM});
  f.loop.run();  // nothing is left of it
}

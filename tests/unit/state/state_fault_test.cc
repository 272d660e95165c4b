// Every order in which the calls of saving can fail: the journal comes back by itself, and a death
// after that loses nothing. The system calls of this program are its own, so that they fail at
// will.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <new>
#include <string>

#include "greyd/state/state_files.h"
#include "tests/temporary_directory.h"

using namespace grey;
namespace fs = std::filesystem;

namespace {

// Calls that fail: by name of the call and end of the path.
struct Fault {
  std::string call, suffix;
  int error = 0;
};
std::vector<Fault>& faults() {
  static std::vector<Fault> list;
  return list;
}

bool fails(const char* call, std::string_view path) {
  for (const Fault& fault : faults()) {
    if (fault.call != call || !path.ends_with(fault.suffix)) continue;
    errno = fault.error;
    return true;
  }
  return false;
}

bool fails(const char* call, int fd) {
  if (faults().empty()) return false;
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  return size > 0 && fails(call, std::string_view(path, std::size_t(size)));
}

// How many allocations are left until one fails, and all after it; negative: no end.
int& allocations_left() {
  static int left = -1;
  return left;
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  int& left = allocations_left();
  void* memory = left == 0 ? nullptr : std::malloc(size);
  if (left > 0) --left;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

extern "C" {
ssize_t write(int fd, const void* data, size_t size) {
  return fails("write", fd) ? -1 : syscall(SYS_write, fd, data, size);
}
int fdatasync(int fd) {
  return fails("fdatasync", fd) ? -1 : 0;  // no power is cut here
}
int fsync(int fd) {
  return fails("fsync", fd) ? -1 : 0;
}
int rename(const char* from, const char* to) noexcept {
  return fails("rename", std::string_view(from)) ? -1 : int(syscall(SYS_rename, from, to));
}
int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && fails("open", std::string_view(path))) return -1;
  return int(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
}

namespace {

constexpr Seconds kNow = 1'700'000'000;

// Does its work when told to, so that things happen while it is under way.
class HeldBackground : public Background {
 public:
  void run(std::function<int()> work, std::function<void(int)> done) override {
    jobs_.push_back({std::move(work), std::move(done)});
  }
  void drain() override {
    while (step()) {
    }
  }
  bool step() {
    if (jobs_.empty()) return false;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    int result = ENOMEM;
    try {
      result = job.first();
    } catch (const std::bad_alloc&) {
      // as BackgroundThread does
    }
    job.second(result);
    return true;
  }

 private:
  std::deque<std::pair<std::function<int()>, std::function<void(int)>>> jobs_;
};

struct Daemon {
  HeldBackground background;
  Greylist greylist{{}, 10'000, HashKey{}};
  std::vector<std::string> errors;
  StateCounters counters;
  StateFiles files;
  Seconds clock = 1000;

  explicit Daemon(const std::string& path)
      : files(
            path, ContextForm::qmail_greyd, Sync::second, greylist, background,
            [this](StateFiles::Level level, const std::string& text) {
              if (level == StateFiles::Level::error) errors.push_back(text);
            },
            counters) {
    REQUIRE(files.load(kNow));
    tick();
  }
  ~Daemon() { faults().clear(); }

  void ask(int number) {
    const std::string datagram = "I192.0.2.7" + std::string(1, '\0') + "Fa@x" + '\0' + "T" +
                                 std::to_string(number) + "@y" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    greylist.decide(query, Lists{}, kNow);
    files.commit();
  }
  void tick() { files.tick(++clock); }
  // All that a second of a daemon's life does.
  void live() {
    tick();
    for (int i = 0; i < 20; ++i) {
      files.save_slice(100);
      background.step();
    }
  }
};

// What a death now leaves.
std::size_t records_after_death(const testing::TemporaryDirectory& directory) {
  const std::vector<Fault> suspended = std::exchange(faults(), {});
  testing::TemporaryDirectory copy;
  fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
  InlineBackground background;
  Greylist greylist({}, 10'000, HashKey{});
  StateCounters counters;
  StateFiles files(
      copy / "context", ContextForm::qmail_greyd, Sync::second, greylist, background,
      [](StateFiles::Level, const std::string&) {}, counters);
  const auto report = files.load(kNow);
  REQUIRE(report);
  for (const std::string& note : report->notes) FAIL_CHECK(note);
  faults() = suspended;
  return greylist.table().size();
}

}  // namespace

TEST_CASE("after every pair of faults at every two points of a save the journal is back") {
  const std::vector<Fault> kinds = {
      {"write", ".journal", ENOSPC}, {"fdatasync", ".journal", EIO}, {"rename", ".journal", EROFS},
      {"open", ".journal", ENOSPC},  {"write", ".new", ENOSPC},      {"fsync", ".new", EIO},
      {"rename", ".new", EIO},       {"open", ".new", EMFILE},
  };
  constexpr int kPoints = 6;  // of a save: about its steps, and a little later
  int number = 0;
  for (const Fault& first : kinds) {
    for (const Fault& second : kinds) {
      for (int at = 0; at < kPoints; ++at) {
        for (int then = at; then < kPoints; ++then) {
          CAPTURE(first.call + first.suffix);
          CAPTURE(second.call + second.suffix);
          CAPTURE(at);
          CAPTURE(then);
          testing::TemporaryDirectory directory;
          Daemon daemon(directory / "context");
          for (int i = 0; i < 5; ++i) daemon.ask(i);
          daemon.files.start_save();
          for (int point = 0; point < kPoints; ++point) {
            if (point == at) faults().push_back(first);
            if (point == then) faults().push_back(second);
            daemon.ask(100 + point);
            if (point % 2 == 0) daemon.files.save_slice(3);
            if (point % 2 == 1) daemon.background.step();
            if (point == 5) daemon.tick();
          }
          daemon.live();
          // Nothing is lost that was on the disk before the faults.
          CHECK(records_after_death(directory) >= 5);
          faults().clear();
          for (int i = 0; i < 125; ++i) daemon.live();
          CHECK_FALSE(daemon.files.saving());
          CHECK(records_after_death(directory) == 5 + kPoints);
          // The journal is on: what is asked now is there after a death, too.
          daemon.ask(1000);
          CHECK(records_after_death(directory) == 5 + kPoints + 1);
          CHECK(daemon.errors.size() <= 6);
          ++number;
        }
      }
    }
  }
  MESSAGE(number, " orders");
}

TEST_CASE("wherever memory runs out, no call throws, no line is half written, and it heals") {
  // From the n-th allocation on there is no memory, for a while.
  for (int n = 0; n < 150; ++n) {
    CAPTURE(n);
    testing::TemporaryDirectory directory;
    Daemon daemon(directory / "context");
    for (int i = 0; i < 5; ++i) daemon.ask(i);
    const auto step = [&](int i) {
      if (i % 3 == 0) daemon.files.save_slice(1);
      if (i % 3 == 1) daemon.background.step();
      if (i % 12 == 2) daemon.tick();
    };
    daemon.files.start_save();
    allocations_left() = n;
    bool thrown = false, ended = false;
    try {
      for (int i = 0; i < 24; ++i) {
        step(i);
        daemon.files.commit();
        if (i == 12) daemon.files.start_save();
      }
      ended = daemon.files.save_all().has_value();  // and with it the journal
    } catch (const std::exception&) {
      thrown = true;
    }
    allocations_left() = -1;
    CHECK_FALSE(thrown);
    for (int i = 0; i < 125; ++i) daemon.live();
    daemon.ask(1000);
    CHECK(records_after_death(directory) == (ended ? 5 : 6));
  }
}

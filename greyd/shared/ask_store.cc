#include "greyd/shared/ask_store.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <map>

#include "greyd/base/files.h"
#include "greyd/base/split.h"
#include "greyd/base/text.h"
#include "greyd/net/background_thread.h"
#include "greyd/net/clock.h"
#include "greyd/shared/fingerprint.h"
#include "greyd/shared/scripts.h"
#include "greyd/shared/store_probe.h"

namespace grey::shared {
namespace {

constexpr double kPatience = 1;          // seconds until what has not been answered is a remark
constexpr double kLookPause = 0.01;      // seconds between two looks at how it goes
constexpr std::chrono::seconds kEnd{3};  // by then the process that asks has hung

// A name that nobody has asked for in a while takes longer than one attempt.
bool is_worth_another_attempt(Fault fault) {
  return fault == Fault::unresolved || fault == Fault::timed_out;
}

class Asking {
 public:
  Asking(const SharedSettings& settings, const Policy& policy)
      : here_(fingerprint(policy, settings.key)),
        most_clock_difference_(Member::most_clock_difference(policy)),
        loop_([this](const std::exception& error) {
          add({"refused", error.what(), Passes::no});
          loop_.stop();
        }),
        background_(loop_),
        link_(loop_, background_,
              {settings.url, settings.password, "qmail-greyd.check", {}, store_probe()},
              [this](bool up) {
                if (up) ask();
              }) {}

  std::vector<StoreRemark> run() {
    const EventLoop::Timer end = loop_.after(kPatience, [this] { loop_.stop(); });
    const EventLoop::Timer look = loop_.every(kLookPause, [this] {
      const StoreStatus status = link_.status();
      const bool failed = !status.up && !status.last_fault.empty();
      if (failed && !is_worth_another_attempt(status.last_fault_kind)) loop_.stop();
    });
    loop_.run();
    if (!answered_ && remarks_.empty()) add_fault();
    return remarks_;
  }

 private:
  void add(StoreRemark remark) { remarks_.push_back(std::move(remark)); }

  void add_fault() {
    const StoreStatus status = link_.status();
    if (!status.last_fault.empty())
      return add(remark_of({status.last_fault_kind, status.last_fault}));
    add({"timed_out", (status.where.empty() ? "it" : status.where) + " has not answered in time",
         Passes::maybe});
  }
  static StoreRemark remark_of(const Failure& why) {
    return {std::string(to_string(why.fault)), why.text,
            may_pass(why.fault) ? Passes::maybe : Passes::no};
  }

  void ask() {
    link_.eval(std::string(kLook), {kPolicyKey}, {}, [this](const Outcome& outcome) {
      answered_ = true;
      loop_.stop();
      if (!outcome) return add(remark_of(outcome.error()));
      const std::vector<Reply>& items = outcome->items;
      if (items.size() != 2)
        return add({"no_redis", link_.status().where + ": no answer of a script's", Passes::no});
      judge_policy(items[0].text);
      judge_clock(items[1].text);
      judge_eviction();
    });
  }

  void judge_policy(std::string_view there) {
    if (there.empty()) return;
    const std::string differs = difference(there, here_);
    if (differs.empty()) return;
    const bool key = has_other_key(there, here_);
    add({key ? "other_key" : "other_policy",
         link_.status().where + ": others share it under another " +
             (key ? "key" : "policy: " + differs),
         Passes::no});
  }
  void judge_clock(std::string_view text) {
    Seconds time = 0;
    std::from_chars(text.data(), text.data() + text.size(), time);
    const Seconds difference = wall_clock() - time;
    if (std::abs(difference) <= most_clock_difference_) return;
    add({"clock",
         link_.status().where + ": its clock and this one's differ by " +
             std::to_string(difference) + " seconds",
         Passes::no});
  }

  void judge_eviction() {
    const StoreStatus status = link_.status();
    if (status.evicts_by.empty()) return;
    add({"evicts",
         status.where + ": it may drop what it was told, by its maxmemory-policy " +
             status.evicts_by,
         Passes::shares});
  }

  const std::string here_;
  const Seconds most_clock_difference_;
  std::vector<StoreRemark> remarks_;
  bool answered_ = false;
  EventLoop loop_;
  BackgroundThread background_;
  StoreLink link_;
};

// A line each: word, a digit, text.
std::string to_wire(const std::vector<StoreRemark>& remarks) {
  std::string wire;
  for (const StoreRemark& remark : remarks) {
    wire.append(remark.word).append(" ").append(1, char('0' + int(remark.passes)));
    wire.append(" ").append(remark.text) += '\n';
  }
  return wire;
}

Passes passes_of(std::string_view digit) {
  if (digit == "2") return Passes::shares;
  return digit == "1" ? Passes::no : Passes::maybe;
}

std::vector<StoreRemark> from_wire(std::string_view wire) {
  std::vector<StoreRemark> remarks;
  while (!wire.empty()) {
    const std::size_t end = std::min(wire.find('\n'), wire.size());
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(std::min(end + 1, wire.size()));
    const std::string_view word = take_field(line), passes = take_field(line);
    remarks.push_back({std::string(word), std::string(line), passes_of(passes)});
  }
  return remarks;
}

[[noreturn]] void ask_and_tell(int out, const SharedSettings& settings, const Policy& policy) {
  int code = 0;
  try {
    // Never to be deleted: its thread may wait for a name server.
    Asking* const asking = new Asking(settings, policy);
    const std::string wire = to_wire(asking->run());
    if (::write(out, wire.data(), wire.size()) != ssize_t(wire.size())) code = 1;
  } catch (const std::exception&) {
    code = 1;
  }
  ::_exit(code);
}

// What comes until its end, or until there has been time enough.
bool read_all(int in, std::string& text) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + kEnd;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd waiting{in, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, int(std::max<long>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char chunk[512];
    const ssize_t got = ::read(in, chunk, sizeof chunk);
    if (got > 0) text.append(chunk, std::size_t(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return got == 0;
  }
}

}  // namespace

std::vector<StoreRemark> ask_store(const SharedSettings& settings, const Policy& policy) {
  const StoreRemark not_asked = {"down", to_string(settings.url) + ": it could not be asked",
                                 Passes::maybe};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {not_asked};
  const Fd in(ends[0]);
  Fd out(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) ask_and_tell(out.get(), settings, policy);
  if (child < 0) return {not_asked};
  out.reset();
  std::string wire;
  const bool whole = read_all(in.get(), wire);
  if (!whole) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return {not_asked};
  return from_wire(wire);
}

std::string to_line(const StoreRemark& remark) {
  const std::string line = "store: " + remark.word + ": " + remark.text;
  switch (remark.passes) {
    case Passes::maybe:
      return line + "; until it answers the daemon decides alone";
    case Passes::no:
      return line + "; that does not pass by itself: until it is mended the daemon decides alone";
    case Passes::shares:
      break;
  }
  return line + "; noeviction keeps it";
}

}  // namespace grey::shared

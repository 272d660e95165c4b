#include "greyd/greyctl/offline.h"

#include <grp.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/hash_key.h"
#include "greyd/control/commands.h"
#include "greyd/front_settings.h"
#include "greyd/net/clock.h"
#include "greyd/privileges.h"
#include "greyd/shared/last_meeting.h"
#include "greyd/state/state_place.h"

namespace grey::greyctl {
namespace {

void tell(StateFiles::Level level, const std::string& text) {
  using Level = StateFiles::Level;
  if (level == Level::error || level == Level::warning) {
    std::fprintf(stderr, "greyctl: %s\n", text.c_str());
  }
}

// Records that have come have other stamps than now: where the state is shared, the daemon that is
// started on it is to tell the store all that it knows (shared/last_meeting.h).
class MeetingIsOver : public Changes {
 public:
  explicit MeetingIsOver(const std::string& context_file)
      : path_(shared::meeting_path(context_file)) {}
  void note(const SavedRecord& change) noexcept override {
    if (change.change == Change::forgotten || std::exchange(over_, true)) return;
    ::unlink(path_.c_str());
  }

 private:
  const std::string path_;
  bool over_ = false;
};

class Files : public Channel {
 public:
  // `by`: who asks.
  Files(const Options& options, std::string by)
      : by_(std::move(by)),
        meeting_(options.context_file),
        service_(service_settings(options), new_hash_key(), background_, tell, counters_),
        commands_(facts_of(options), service_, counters_, upkeeping()) {
    service_.tell_changes_to(&meeting_);
  }

  Result<void> open() {
    if (const auto lists = service_.reload_lists(); !lists) {
      return tl::make_unexpected(lists.error());
    }
    const auto report = service_.load(wall_clock(), monotonic_clock());
    if (!report) return tl::make_unexpected(report.error());
    for (const std::string& note : report->notes) tell(StateFiles::Level::warning, note);
    return {};
  }

  Result<void> send(const std::string& request) override {
    lines_.clear();
    at_ = 0;
    more_ = nullptr;
    auto answer = commands_.begin(request, by_, wall_clock(),
                                  [this](const std::string& lines) { lines_ += lines; });
    if (answer.watch) return misuse("watch: there is nothing to watch where no daemon runs");
    lines_ = answer.lines + lines_;
    more_ = std::move(answer.more);
    return {};
  }

  Result<std::optional<std::string>> receive(bool) override {
    for (;;) {
      if (const std::size_t end = lines_.find('\n', at_); end != std::string::npos) {
        std::string line = lines_.substr(at_, end - at_);
        at_ = end + 1;
        return std::optional(std::move(line));
      }
      lines_.clear();
      at_ = 0;
      if (!more_) return std::optional<std::string>();
      if (!more_(lines_)) more_ = nullptr;
    }
  }

 private:
  static DaemonFacts facts_of(const Options& options) {
    return {.listen = {},
            .context_file = options.context_file,
            .max_records = options.max_records,
            .since = wall_clock()};
  }
  Upkeeping upkeeping() {
    return {.save = [this](const Upkeeping::Done& done) { done(service_.save_all(wall_clock())); },
            .expire =
                [this](const Upkeeping::Done& done) {
                  const std::size_t before = service_.greylist().table().size();
                  service_.expire(wall_clock(), SIZE_MAX);
                  const std::size_t after = service_.greylist().table().size();
                  const auto saved = service_.save_all(wall_clock());
                  done(saved ? Result<std::size_t>(before - after)
                             : tl::make_unexpected(saved.error()));
                },
            .reload = [this](const Upkeeping::Done& done) { done(service_.reload_lists()); }};
  }

  const std::string by_;
  InlineBackground background_;
  Counters counters_;
  MeetingIsOver meeting_;
  Service service_;
  Commands commands_;
  std::string lines_;
  std::size_t at_ = 0;
  std::function<bool(std::string&)> more_;
};

// Of the context file, or who will be.
Result<void> become_owner(const std::string& context_file, const std::string& user) {
  if (::geteuid() != 0) return {};
  struct stat status {};
  const bool there = ::stat(context_file.c_str(), &status) == 0 ||
                     ::stat((context_file + ".journal").c_str(), &status) == 0;
  if (!there && !user.empty()) return drop_privileges(user);
  if (!there && ::stat(directory_of(context_file).c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("find", context_file, errno));
  }
  if (status.st_uid == 0) return {};
  if (::setgroups(0, nullptr) != 0 ||
      ::setresgid(status.st_gid, status.st_gid, status.st_gid) != 0 ||
      ::setresuid(status.st_uid, status.st_uid, status.st_uid) != 0) {
    return tl::make_unexpected(system_error("become the owner of", context_file, errno));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Channel>> open_offline(const Options& options) {
  if (sodium_init() < 0) return failure("cannot initialise libsodium");
  if (auto place = check_state_place(options.context_file); !place) {
    return tl::make_unexpected(place.error());
  }
  const std::string by = "uid:" + std::to_string(::getuid());
  if (auto owner = become_owner(options.context_file, options.user); !owner) {
    return tl::make_unexpected(owner.error());
  }
  auto files = std::make_unique<Files>(options, by);
  if (auto opened = files->open(); !opened) return tl::make_unexpected(opened.error());
  return std::unique_ptr<Channel>(std::move(files));
}

}  // namespace grey::greyctl

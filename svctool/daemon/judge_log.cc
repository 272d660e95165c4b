#include "svctool/daemon/judge_log.h"

#include <algorithm>
#include <cstdlib>

#include "greyd/base/log_format.h"
#include "svctool/util/number.h"

namespace grey::svctool {
namespace {

constexpr std::uint64_t kLeastRoom = std::uint64_t{64} << 10;  // of a disk that multilog writes to

struct LogLine {
  std::optional<double> time;
  std::string_view text;
};

// "@400000006553f10012345678 TEXT": TAI64N, as daemontools reckons it, 10 seconds off UTC.
std::optional<LogLine> parse_tai64n(std::string_view line) {
  constexpr std::size_t kLabel = 25, kSeconds = 16;
  constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62) + 10;
  if (line.size() < kLabel || line[0] != '@') return std::nullopt;
  const auto seconds = parse_number<std::uint64_t>(line.substr(1, kSeconds), 16);
  const auto nano = parse_number<std::uint32_t>(line.substr(1 + kSeconds, 8), 16);
  if (!seconds || !nano || *seconds < kEpoch) return std::nullopt;
  std::string_view text = line.substr(kLabel);
  if (text.starts_with(' ')) text.remove_prefix(1);
  return LogLine{double(*seconds - kEpoch) + double(*nano) / 1e9, text};
}

// "1700000000.123456 HOST NAME[PID]: TEXT"
std::optional<LogLine> parse_short_unix(std::string_view line) {
  const std::size_t space = line.find(' ');
  const std::size_t text = line.find("]: ");
  const std::size_t dot = line.find('.');
  if (dot == line.npos || space == line.npos || text == line.npos || dot > space) {
    return std::nullopt;
  }
  const auto seconds = parse_number<std::uint64_t>(line.substr(0, dot));
  const auto micro = parse_number<std::uint32_t>(line.substr(dot + 1, space - dot - 1));
  if (!seconds || !micro) return std::nullopt;
  return LogLine{double(*seconds) + double(*micro) / 1e6, line.substr(text + 3)};
}

LogLine parse_line(std::string_view line) {
  if (const auto tai = parse_tai64n(line)) return *tai;
  if (const auto unix = parse_short_unix(line)) return *unix;
  return {std::nullopt, line};
}

// What is not said by a daemon that is well, in the words of the plain format.
std::string last_words(std::string_view line) {
  if (line.empty() || is_ordinary(line)) return {};
  std::string storage, text;
  const auto note = read_note(line, storage);
  if (!note) return std::string(line);
  append_note(text, LogFormat::plain, *note);
  text.pop_back();
  return text;
}

// "12 log lines dropped"
std::uint64_t lost_lines(const Note& note) {
  constexpr std::string_view kEnd = " log lines dropped";
  std::string_view text = note.text;
  if (note.priority != Priority::warning || !text.ends_with(kEnd)) return 0;
  text.remove_suffix(kEnd.size());
  return parse_number<std::uint64_t>(text).value_or(0);
}

void read_line(const LogLine& line, double lost_since, LogNews& news) {
  constexpr std::string_view kReloaded = "lists reloaded, ",
                             kRefused = "lists not reloaded, the old ones stay in force: ",
                             kKeysReloaded = "keys reloaded, ",
                             kKeysRefused = "keys not reloaded, the old ones stay in force: ";
  if (line.time && !news.since) news.since = line.time;
  std::string storage;
  const auto note = read_note(line.text, storage);
  if (!note) return;
  if (note->priority == Priority::info && note->text.starts_with(kReloaded)) {
    news.reloaded_at = line.time;
  } else if (note->priority == Priority::error && note->text.starts_with(kRefused)) {
    news.refused_at = line.time;
    news.refused = note->text.substr(kRefused.size());
  } else if (note->priority == Priority::info && note->text.starts_with(kKeysReloaded)) {
    news.keys_reloaded_at = line.time;
  } else if (note->priority == Priority::error && note->text.starts_with(kKeysRefused)) {
    news.keys_refused_at = line.time;
    news.keys_refused = note->text.substr(kKeysRefused.size());
  } else if (const auto lost = lost_lines(*note); lost > 0 && line.time >= lost_since) {
    news.lost_at = line.time;
    news.lost += lost;
  }
}

// multilog that waits for its file waits for ever, also when there is one again, and for no TERM.
std::string end_of(const LogPlace& place) {
  if (place.writer == 0) return "start what writes the log";
  return "kill -KILL " + std::to_string(place.writer) + ", which is what writes the log";
}

}  // namespace

void judge_log_place(const LogPlace& place, bool stopped, Findings& findings) {
  const std::string& directory = place.directory;
  if (!place.current.empty()) {
    findings.wrong(
        "log-current",
        directory + "/current: " + place.current + ", and no file, so the log cannot be written",
        "move it away, then " + end_of(place), directory + "/current");
    return;
  }
  if (place.room && place.room->bytes < kLeastRoom) {
    findings.wrong("log-room",
                   directory + ": " + size_text(place.room->bytes) +
                       " are free there, so the log cannot be written",
                   "make room on that disk", directory);
    return;
  }
  if (place.room && place.room->files == 0) {
    findings.wrong("log-files", directory + ": no more files can be made on that disk (inodes)",
                   "remove files there", directory);
    return;
  }
  if (!stopped && place.unread) {
    findings.wrong("log-unread",
                   place.log + ": " + size_text(*place.unread) +
                       " that the daemon has said are waiting, and nobody reads them",
                   "see why what writes the log hangs, then " + end_of(place), place.log);
  }
}

LogNews news_of_keys(LogNews news) {
  news.reloaded_at = news.keys_reloaded_at;
  news.refused_at = news.keys_refused_at;
  news.refused = news.keys_refused;
  return news;
}

void read_news(std::string_view text, double lost_since, LogNews& news) {
  LogLine last;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
    if (line.empty()) continue;
    last = parse_line(line);
    read_line(last, lost_since, news);
  }
  news.last_words = last_words(last.text);
}

void judge_news(const LogNews& news, const std::string& service, const std::string& log,
                Findings& findings) {
  if (news.unseen) {
    findings.unseen("log-unseen", service + ": only root can read its log, " + log, log);
  }
  if (news.lost == 0) return;
  findings.warn("log-lines-lost",
                service + ": at least " + std::to_string(news.lost) +
                    " log lines were lost within a day, as what writes the log did not keep up",
                "see " + log +
                    " around the words 'log lines dropped'; a faster disk, or a smaller "
                    "VERBOSITY, keeps them",
                log);
}

}  // namespace grey::svctool

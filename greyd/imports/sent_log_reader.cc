#include "greyd/imports/sent_log_reader.h"

#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "greyd/base/split.h"
#include "greyd/base/text.h"
#include "greyd/core/key.h"
#include "greyd/imports/line_reader.h"
#include "greyd/imports/multilog_reader.h"

namespace grey::imports {
namespace {

// Messages and deliveries that are open: a log that names more leaves the others out.
constexpr std::size_t kMostOpen = 100'000;
constexpr Seconds kDay = 86400;

// Takes `begin` off the front.
bool take(std::string_view& text, std::string_view begin) {
  if (!text.starts_with(begin)) return false;
  text.remove_prefix(begin.size());
  return true;
}

// Takes what is before `end`, and that, off the front.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return before;
}

class SentReader : public LineReader {
 public:
  using LineReader::LineReader;

 protected:
  void give_sent(std::string_view ours, std::string_view theirs, Seconds at) {
    const std::size_t sign = theirs.rfind('@');
    const std::string domain =
        sign == std::string_view::npos ? "" : to_lower(theirs.substr(sign + 1));
    const auto fits = [](std::string_view address) {
      return !address.empty() && address.size() <= kMaxAddress && may_be_kept(address);
    };
    if (!fits(ours) || !fits(theirs) || !is_dns_domain(domain)) return pass_over();
    Record record;
    record.record_class = RecordClass::sent;
    record.name = domain;
    record.pool = PoolKind::sent;
    record.sender = theirs;
    record.recipient = ours;
    record.seen = at;
    give(record);
  }
  void on_long_line(std::string_view) override { pass_over(); }
  void on_torn_line(std::string_view) override { pass_over(); }
};

// ---- qmail-send --------------------------------------------------------------------------------

class QmailSendReader : public SentReader {
 public:
  using SentReader::SentReader;

 private:
  struct Delivery {
    std::string ours, theirs;
  };

  // The stamp, taken off the front with the blank behind it.
  static std::optional<Seconds> take_stamp(std::string_view& line) {
    if (const auto tai = tai64n_seconds(line)) {
      (void)take_field(line);
      return tai;
    }
    // splogger's: behind what syslog puts before it, "qmail: 1764237600.123456 ".
    const std::size_t tag = line.find("qmail: ");
    if (tag != std::string_view::npos && tag < 256) line.remove_prefix(tag + 7);
    std::string_view stamp = take_field(line);
    const auto seconds = take_until(stamp, ".");
    return seconds ? read_number<Seconds>(*seconds) : std::nullopt;
  }

  void on_line(std::string_view line) override {
    const auto at = take_stamp(line);
    if (!at) return pass_over();
    if (take(line, "info msg ")) return on_message(line);
    if (take(line, "starting delivery ")) return on_start(line);
    if (take(line, "delivery ")) return on_end(line, *at);
    if (take(line, "end msg ")) messages_.erase(std::string(take_field(line)));
    pass_over();
  }
  void on_message(std::string_view line) {
    const auto number = take_until(line, ": ");
    pass_over();
    if (!number || !take_until(line, " from <")) return;
    const std::size_t end = line.rfind("> qp ");
    if (end == std::string_view::npos) return;
    if (messages_.size() >= kMostOpen && !messages_.contains(std::string(*number))) return;
    messages_[std::string(*number)] = line.substr(0, end);
  }
  void on_start(std::string_view line) {
    pass_over();
    const auto delivery = take_until(line, ": msg ");
    if (!delivery) return;
    const std::string_view message = take_field(line);
    const auto from = messages_.find(std::string(message));
    deliveries_.erase(std::string(*delivery));
    if (!take(line, "to remote ") || from == messages_.end()) return;
    if (deliveries_.size() >= kMostOpen) return;
    deliveries_[std::string(*delivery)] = {from->second, std::string(take_field(line))};
  }
  void on_end(std::string_view line, Seconds at) {
    const auto delivery = take_until(line, ": ");
    const auto of = delivery ? deliveries_.find(std::string(*delivery)) : deliveries_.end();
    if (of == deliveries_.end()) return pass_over();
    const Delivery done = std::move(of->second);
    deliveries_.erase(of);
    if (!line.starts_with("success")) return pass_over();
    give_sent(done.ours, done.theirs, at);
  }

  std::unordered_map<std::string, std::string> messages_;  // their senders
  std::unordered_map<std::string, Delivery> deliveries_;
};

// ---- Postfix -----------------------------------------------------------------------------------

class PostfixReader : public SentReader {
 public:
  PostfixReader(std::string name, const Settings& settings, Visit visit)
      : SentReader(std::move(name), std::move(visit)), local_(settings.local), now_(settings.now) {}

 private:
  static std::optional<unsigned> month_named(std::string_view name) {
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < kMonths.size(); ++i) {
      if (kMonths[i] == name) return i + 1;
    }
    return std::nullopt;
  }

  // "2026-11-27T10:00:01.123456+01:00"
  std::optional<Seconds> read_full_stamp(std::string_view text) const {
    std::string time(text.substr(0, 19));
    if (time.size() < 19 || time[10] != 'T') return std::nullopt;
    time[10] = ' ';
    const auto civil = parse_civil_time(time);
    if (!civil) return std::nullopt;
    std::string_view rest = text.substr(19);
    if (rest.starts_with('.')) {
      const std::size_t end = rest.find_first_not_of("0123456789", 1);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
    }
    if (rest == "Z") return to_seconds(*civil, {0, &local_});
    if (rest.empty()) return to_seconds(*civil, {std::nullopt, &local_});
    const auto offset = parse_offset(rest);
    if (!offset) return std::nullopt;
    return to_seconds(*civil, {*offset, &local_});
  }

  // "Nov 27 10:00:00", its month taken off.
  std::optional<Seconds> take_short_stamp(unsigned month, std::string_view& line) const {
    if (line.starts_with(' ')) line.remove_prefix(1);  // of a day below 10
    const auto day = read_number<unsigned>(take_field(line));
    const std::string_view time = take_field(line);
    if (!day || time.size() != 8) return std::nullopt;
    const auto part = [&](std::size_t at) { return read_number<unsigned>(time.substr(at, 2)); };
    const auto hour = part(0), minute = part(3), second = part(6);
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
      return std::nullopt;
    }
    if (*day < 1 || *day > 31) return std::nullopt;
    const int year = 1970 + int(now_ / (kDay * 1461 / 4));
    // The year before, too: also of the 29th of February, which not each has.
    for (int back = -1; back <= 4; ++back) {
      CivilTime civil{year - back, month, *day, *hour, *minute, *second};
      if (month == 2 && *day == 29 && civil.year % 4 != 0) continue;
      const Seconds at = to_seconds(civil, {std::nullopt, &local_});
      if (at <= now_ + kDay) return at;
    }
    return std::nullopt;
  }

  std::optional<Seconds> take_stamp(std::string_view& line) const {
    const std::string_view first = take_field(line);
    if (const auto month = month_named(first)) return take_short_stamp(*month, line);
    return read_full_stamp(first);
  }

  void on_line(std::string_view line) override {
    const auto at = take_stamp(line);
    if (!at) return pass_over();
    (void)take_field(line);  // the host
    std::string_view program = take_field(line);
    const std::size_t end = program.find('[');
    if (end == std::string_view::npos || !program.ends_with("]:")) return pass_over();
    program = program.substr(0, end);
    const auto id = take_until(line, ": ");
    if (!program.starts_with("postfix") || !id || id->empty()) return pass_over();
    if (program.ends_with("/qmgr")) return on_queued(*id, line);
    if (program.ends_with("/smtp")) return on_delivered(*id, line, *at);
    pass_over();
  }
  void on_queued(std::string_view id, std::string_view line) {
    pass_over();
    const std::string key(id);
    if (line.starts_with("removed")) messages_.erase(key);
    if (!take(line, "from=<")) return;
    const auto from = take_until(line, ">, ");
    if (!from || (messages_.size() >= kMostOpen && !messages_.contains(key))) return;
    messages_[key] = *from;
  }
  void on_delivered(std::string_view id, std::string_view line, Seconds at) {
    const auto message = messages_.find(std::string(id));
    if (message == messages_.end() || !take(line, "to=<")) return pass_over();
    const auto theirs = take_until(line, ">, ");
    if (!theirs || !take_until(line, "relay=")) return pass_over();
    const auto relay = take_until(line, ", ");
    if (!relay || !take_until(line, ", status=") || !line.starts_with("sent ")) return pass_over();
    // A filter of this host, which gives it back.
    const std::size_t address = relay->find('[');
    const std::string_view ip =
        address == std::string_view::npos ? std::string_view() : relay->substr(address + 1);
    if (ip.empty() || ip.starts_with("127.") || ip.starts_with("::1]")) return pass_over();
    give_sent(message->second, *theirs, at);
  }

  const LocalTime local_;
  const Seconds now_;
  std::unordered_map<std::string, std::string> messages_;  // their senders, by queue ID
};

// ---- either ------------------------------------------------------------------------------------

class AnyReader : public LineReader {
 public:
  AnyReader(const std::string& name, const Settings& settings, const Visit& visit)
      : LineReader(name, visit), qmail_(name, visit), postfix_(name, settings, visit) {}

 private:
  static bool is_qmails(std::string_view line) {
    return line.starts_with('@') ||
           line.substr(0, 256).find(" qmail: ") != std::string_view::npos ||
           take_field(line).find_first_not_of("0123456789.") == std::string_view::npos;
  }
  void on_line(std::string_view line) override {
    line_.assign(line).append(1, '\n');
    // No line is an error.
    (void)(is_qmails(line) ? qmail_.feed(line_) : postfix_.feed(line_));
  }
  void on_long_line(std::string_view) override { pass_over(); }
  void on_torn_line(std::string_view) override { pass_over(); }

  QmailSendReader qmail_;
  PostfixReader postfix_;
  std::string line_;
};

}  // namespace

std::unique_ptr<Reader> any_sent_log_reader(const std::string& name, const Settings& settings,
                                            const Visit& visit) {
  return std::make_unique<AnyReader>(name, settings, visit);
}

std::unique_ptr<Reader> qmail_send_reader(std::string name, Visit visit) {
  return std::make_unique<QmailSendReader>(std::move(name), std::move(visit));
}

std::unique_ptr<Reader> postfix_reader(std::string name, const Settings& settings, Visit visit) {
  return std::make_unique<PostfixReader>(std::move(name), settings, std::move(visit));
}

}  // namespace grey::imports

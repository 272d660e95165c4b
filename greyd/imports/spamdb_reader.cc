#include "greyd/imports/spamdb_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "greyd/imports/line_reader.h"

namespace grey::imports {
namespace {

constexpr char kBar = '|';

std::string_view take_front(std::string_view& line) {
  const std::size_t end = std::min(line.find(kBar), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

// The numbers that a line ends with, behind a bar each.
struct Numbers {
  Seconds first = 0, pass = 0, expire = 0, blocked = 0, passed = 0;
};
std::optional<Numbers> take_numbers(std::string_view& line) {
  Numbers numbers;
  for (Seconds* number :
       {&numbers.passed, &numbers.blocked, &numbers.expire, &numbers.pass, &numbers.first}) {
    const std::size_t bar = line.rfind(kBar);
    if (bar == std::string_view::npos) return std::nullopt;
    const auto read = read_number<Seconds>(line.substr(bar + 1));
    if (!read) return std::nullopt;
    *number = *read;
    line = line.substr(0, bar);
  }
  return numbers;
}

struct Envelope {
  std::string_view from, to;
};
// "<from>|<to>", with "helo|" before it or not. HELO and local parts may have bars in them.
std::optional<Envelope> read_envelope(std::string_view text) {
  const std::size_t to = text.rfind("|<");
  if (!text.ends_with('>') || to == std::string_view::npos) {
    const std::size_t last = text.rfind(kBar);  // an old spamd that kept them without brackets
    if (last == std::string_view::npos) return std::nullopt;
    const std::string_view before = text.substr(0, last);
    return Envelope{before.substr(before.rfind(kBar) + 1), text.substr(last + 1)};
  }
  const std::string_view before = text.substr(0, to);
  const std::size_t from = before.starts_with('<') ? 0 : before.find("|<") + 1;
  if (!before.ends_with('>')) return std::nullopt;
  return Envelope{without_brackets(before.substr(from)), without_brackets(text.substr(to + 1))};
}

class SpamdbReader : public LineReader {
 public:
  SpamdbReader(std::string name, const Settings& settings, Visit visit)
      : LineReader(std::move(name), std::move(visit)), settings_(settings) {}

 private:
  void on_line(std::string_view line) override {
    const std::string_view type = take_front(line);
    if (type == "GREY") return on_grey(line);
    if (type == "WHITE") return on_white(line);
    if (type == "TRAPPED") return on_trapped(line);
    if (type == "SPAMTRAP" || type == "DOMAIN") return give(Skip{Reason::trap, line});
    if (!type.empty() || !line.empty()) fail("is no line of spamdb");
  }

  void on_grey(std::string_view line) {
    const auto address = take_front(line);
    const auto numbers = take_numbers(line);
    const auto envelope = numbers ? read_envelope(line) : std::nullopt;
    if (!envelope) return fail("is no GREY line of spamdb");
    count(*numbers);
    const auto ip = Ip::parse(address);
    if (!ip) return give(Skip{Reason::no_address, address});
    if (!may_be_kept(envelope->from) || !may_be_kept(envelope->to)) {
      return give(Skip{Reason::no_octets, envelope->to});
    }
    Record record;
    record.client = network_of(*ip);
    record.sender = envelope->from;
    record.recipient = envelope->to;
    record.seen = numbers->first;
    record.ends = numbers->expire;
    give(record);
  }

  void on_white(std::string_view line) {
    const auto address = take_front(line);
    const auto numbers = take_numbers(line);
    if (!numbers || line.find_first_not_of(kBar) != std::string_view::npos) {
      return fail("is no WHITE line of spamdb");
    }
    count(*numbers);
    const auto ip = Ip::parse(address);
    if (!ip) return give(Skip{Reason::no_address, address});
    Record record;
    record.record_class = RecordClass::client;
    record.client = network_of(*ip);
    record.seen = std::max(numbers->expire - settings_.good_life, numbers->pass);
    record.ends = numbers->expire;
    give(record);
  }

  void on_trapped(std::string_view line) {
    const auto address = take_front(line);
    const auto expire = read_number<Seconds>(line);
    if (!expire) return fail("is no TRAPPED line of spamdb");
    const auto ip = Ip::parse(address);
    if (!ip) return give(Skip{Reason::no_address, address});
    give(Listed{to_string(*ip), kNever, *expire});
  }

  void count(const Numbers& numbers) {
    Reader::count(std::uint64_t(std::max<Seconds>(numbers.blocked, 0)),
                  std::uint64_t(std::max<Seconds>(numbers.passed, 0)));
  }

  Settings settings_;
};

}  // namespace

std::unique_ptr<Reader> spamdb_reader(std::string name, const Settings& settings, Visit visit) {
  return std::make_unique<SpamdbReader>(std::move(name), settings, std::move(visit));
}

}  // namespace grey::imports

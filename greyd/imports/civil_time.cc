#include "greyd/imports/civil_time.h"

#include <chrono>
#include <ctime>

#include "greyd/imports/item.h"

namespace grey::imports {
namespace {

constexpr int kForever = 9999;  // the year of a time that does not come

// Takes `digits` decimal digits off the front.
bool take_digits(std::string_view& text, std::size_t digits, unsigned& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return false;
    value = 10 * value + unsigned(c - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool is_fraction(std::string_view text) {
  return text.empty() || (text.size() > 1 && text.front() == '.' &&
                          text.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

std::chrono::year_month_day date_of(const CivilTime& time) {
  return {std::chrono::year(time.year), std::chrono::month(time.month), std::chrono::day(time.day)};
}

// The beginning of the time's hour.
Seconds hour_of_host(const CivilTime& time) {
  std::tm tm{};
  tm.tm_year = time.year - 1900;
  tm.tm_mon = int(time.month) - 1;
  tm.tm_mday = int(time.day);
  tm.tm_hour = int(time.hour);
  tm.tm_isdst = -1;
  return Seconds(std::mktime(&tm));
}

}  // namespace

std::optional<CivilTime> parse_civil_time(std::string_view text) {
  const bool packed = text.size() == 14 && text.find('-') == std::string_view::npos;
  const auto mark = [&](std::string_view any_of) { return packed || take_char(text, any_of); };
  CivilTime time;
  unsigned year = 0;
  const bool read = take_digits(text, 4, year) && mark("-") && take_digits(text, 2, time.month) &&
                    mark("-") && take_digits(text, 2, time.day) && mark(" T") &&
                    take_digits(text, 2, time.hour) && mark(":") &&
                    take_digits(text, 2, time.minute) && mark(":") &&
                    take_digits(text, 2, time.second);
  if (!read || !is_fraction(text)) return std::nullopt;
  time.year = int(year);
  const bool zeros = year == 0 && time.month == 0 && time.day == 0;
  if (!zeros && !date_of(time).ok()) return std::nullopt;
  if (time.hour > 23 || time.minute > 59 || time.second > 60) return std::nullopt;
  return time;
}

LocalTime host_time() {
  return [hour = CivilTime{}, begin = std::optional<Seconds>()](const CivilTime& time) mutable {
    CivilTime wanted = time;
    wanted.minute = wanted.second = 0;
    if (!begin || hour != wanted) begin = hour_of_host(wanted);
    hour = wanted;
    return *begin + Seconds{time.minute} * 60 + Seconds{time.second};
  };
}

std::optional<Seconds> parse_offset(std::string_view text) {
  const bool west = text.starts_with('-');
  unsigned hours = 0, minutes = 0;
  const bool read = take_char(text, "+-") && take_digits(text, 2, hours) && take_char(text, ":") &&
                    take_digits(text, 2, minutes) && text.empty();
  if (!read || hours > 14 || minutes > 59) return std::nullopt;
  const Seconds offset = Seconds{hours} * 3600 + Seconds{minutes} * 60;
  return west ? -offset : offset;
}

Seconds to_seconds(const CivilTime& time, const Zone& zone) {
  if (time.year == 0) return 0;
  if (time.year >= kForever) return kNever;
  if (!zone.offset) return (*zone.local)(time);
  const auto days = std::chrono::sys_days(date_of(time)).time_since_epoch().count();
  return Seconds{days} * 86400 + Seconds{time.hour} * 3600 + Seconds{time.minute} * 60 +
         Seconds{time.second} - *zone.offset;
}

}  // namespace grey::imports

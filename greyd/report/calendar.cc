#include "greyd/report/calendar.h"

#include <ctime>

namespace grey::report {
namespace {

std::tm parts_of(Seconds time) {
  const auto seconds = std::time_t(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

// The first second of the day so many days later.
Seconds day_after(std::tm parts, int days) {
  parts.tm_mday += days;
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  parts.tm_isdst = -1;
  return std::mktime(&parts);
}

}  // namespace

std::vector<Seconds> days_of(Seconds from, Seconds now, bool by_week, std::size_t most) {
  std::vector<Seconds> days;
  const std::tm first = parts_of(from);
  int next = by_week ? -((first.tm_wday + 6) % 7) : 0;
  for (; days.size() < most; next += by_week ? 7 : 1) {
    const Seconds day = day_after(first, next);
    if (day > now || (!days.empty() && day <= days.back())) break;
    days.push_back(day);
  }
  return days;
}

unsigned hour_of_day(Seconds time) {
  return unsigned(parts_of(time).tm_hour) % 24;
}

std::string time_text(Seconds time, const char* format) {
  const auto seconds = std::time_t(time);
  std::tm parts{};
  char text[64];
  if (::localtime_r(&seconds, &parts) == nullptr) return std::to_string(time);
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace grey::report

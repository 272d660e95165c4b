#include "greyd/state/totals_text.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "greyd/base/json_line.h"
#include "greyd/wire/wire.h"

namespace grey {
namespace {

using Json = nlohmann::json;

// ---- to text -----------------------------------------------------------------------------------

void add_count(JsonLine& line, std::string_view name, Count count) {
  if (count != 0) line.number(name, count);
}

void add_reasons(JsonLine& line, std::string_view name, const ReasonCounts& counts) {
  if (counts == ReasonCounts()) return;
  line.begin_object(name);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    add_count(line, wire::to_string(wire::Reason(i)), counts[i]);
  }
  line.end_object();
}

void add_ages(JsonLine& line, std::string_view name, const AgeCounts& counts) {
  std::size_t size = counts.size();
  while (size > 0 && counts[size - 1] == 0) --size;
  if (size == 0) return;
  line.begin_list(name);
  for (std::size_t i = 0; i < size; ++i) line.number({}, counts[i]);
  line.end_list();
}

void add_events(JsonLine& line, const HourEvents& events) {
  add_reasons(line, "udp", events.udp);
  add_reasons(line, "policy", events.policy);
  if (!events.faults.empty()) {
    line.begin_object("faults");
    for (const auto& [kind, count] : events.faults) line.number(kind, count);
    line.end_object();
  }
  add_count(line, "foreign", events.foreign);
  add_count(line, "lost", events.lost);
  add_count(line, "evicted", events.evicted);
}

void add_suspect(JsonLine& line, std::string_view name, const SuspectCounts& counts) {
  if (counts == SuspectCounts()) return;
  line.begin_object(name);
  add_count(line, "first", counts.first);
  add_count(line, "passed", counts.passed);
  line.end_object();
}

void add_attempts(JsonLine& line, const AttemptCounts& attempts) {
  add_count(line, "first", attempts.first);
  add_ages(line, "passed", attempts.passed);
  add_count(line, "waited", attempts.waited);
  add_ages(line, "early", attempts.early);
  add_ages(line, "passed_early", attempts.passed_early);
  add_ages(line, "passed_early_waited", attempts.passed_early_waited);
  add_count(line, "trusted", attempts.trusted);
  add_count(line, "never", attempts.never);
  add_suspect(line, "suspect", attempts.suspect);
  add_suspect(line, "unsuspect", attempts.unsuspect);
  const auto& longest = attempts.longest;
  if (longest.waited == 0) return;
  line.begin_object("longest").number("waited", longest.waited).text("client", longest.client);
  line.text("sender", longest.sender).text("recipient", longest.recipient).end_object();
}

// ---- and back ----------------------------------------------------------------------------------

// A field that is missing is 0; false for one that is no count.
bool read_count(const Json& object, const char* name, Count& count) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  if (!field->is_number_unsigned()) return false;
  count = field->get<Count>();
  return true;
}

bool read_reasons(const Json& object, const char* name, ReasonCounts& counts) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  if (!field->is_object()) return false;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::string reason(wire::to_string(wire::Reason(i)));
    if (!read_count(*field, reason.c_str(), counts[i])) return false;
  }
  return true;
}

bool read_ages(const Json& object, const char* name, AgeCounts& counts) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  if (!field->is_array() || field->size() > counts.size()) return false;
  for (std::size_t i = 0; i < field->size(); ++i) {
    if (!(*field)[i].is_number_unsigned()) return false;
    counts[i] = (*field)[i].get<Count>();
  }
  return true;
}

// As many kinds as a daemon may have, and no more: a damaged file is no way to fill the memory.
constexpr std::size_t kMostFaults = 100;

bool read_faults(const Json& object, HourEvents& events) {
  const auto field = object.find("faults");
  if (field == object.end()) return true;
  if (!field->is_object() || field->size() > kMostFaults) return false;
  for (const auto& [kind, count] : field->items()) {
    if (!count.is_number_unsigned()) return false;
    events.faults[kind] = count.get<Count>();
  }
  return true;
}

constexpr std::size_t kMostLongest = 320;  // octets of an address

bool read_longest(const Json& object, AttemptCounts::Longest& longest) {
  const auto field = object.find("longest");
  if (field == object.end()) return true;
  if (!field->is_object()) return false;
  const auto take = [&](const char* name, std::string& text) {
    const auto value = field->find(name);
    if (value == field->end() || !value->is_string()) return false;
    text = value->get<std::string>().substr(0, kMostLongest);
    return true;
  };
  Count waited = 0;
  if (!read_count(*field, "waited", waited) || waited > UINT32_MAX) return false;
  longest.waited = Seconds(waited);
  return take("client", longest.client) && take("sender", longest.sender) &&
         take("recipient", longest.recipient);
}

bool read_suspect(const Json& object, const char* name, SuspectCounts& counts) {
  const auto field = object.find(name);
  if (field == object.end()) return true;
  return field->is_object() && read_count(*field, "first", counts.first) &&
         read_count(*field, "passed", counts.passed);
}

bool read_attempts(const Json& object, AttemptCounts& attempts) {
  return read_count(object, "first", attempts.first) &&
         read_ages(object, "passed", attempts.passed) &&
         read_count(object, "waited", attempts.waited) &&
         read_ages(object, "early", attempts.early) &&
         read_ages(object, "passed_early", attempts.passed_early) &&
         read_ages(object, "passed_early_waited", attempts.passed_early_waited) &&
         read_count(object, "trusted", attempts.trusted) &&
         read_count(object, "never", attempts.never) &&
         read_suspect(object, "suspect", attempts.suspect) &&
         read_suspect(object, "unsuspect", attempts.unsuspect) &&
         read_longest(object, attempts.longest);
}

bool read_events(const Json& object, HourEvents& events) {
  return read_reasons(object, "udp", events.udp) && read_reasons(object, "policy", events.policy) &&
         read_faults(object, events) && read_count(object, "foreign", events.foreign) &&
         read_count(object, "lost", events.lost) && read_count(object, "evicted", events.evicted);
}

constexpr std::string_view kBegin = R"({"hour":)";

}  // namespace

void append_totals(std::string& out, const HourTotals& totals) {
  JsonLine line(out);
  line.number("hour", totals.hour);
  add_events(line, totals.events);
  add_attempts(line, totals.attempts);
  line.end();
}

std::optional<Seconds> hour_of_line(std::string_view line) {
  if (!line.starts_with(kBegin)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  Seconds hour = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), hour);
  if (error != std::errc() || hour < 0 || hour > Seconds{UINT32_MAX} || hour % kHourSeconds != 0) {
    return std::nullopt;
  }
  if (end == line.data() + line.size() || (*end != ',' && *end != '}')) return std::nullopt;
  return hour;
}

std::optional<HourTotals> read_totals(std::string_view line) {
  const auto hour = hour_of_line(line);
  const Json object = Json::parse(line, nullptr, false);
  if (!hour || !object.is_object()) return std::nullopt;
  HourTotals totals;
  totals.hour = *hour;
  if (!read_events(object, totals.events) || !read_attempts(object, totals.attempts)) {
    return std::nullopt;
  }
  return totals;
}

}  // namespace grey

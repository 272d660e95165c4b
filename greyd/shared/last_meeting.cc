#include "greyd/shared/last_meeting.h"

#include <sys/stat.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/base/json_line.h"
#include "greyd/state/framed_text.h"
#include "greyd/state/kept_files.h"

namespace grey::shared {
namespace {

constexpr std::string_view kHeader = "qmail-greyd store 1";
constexpr mode_t kMode = 0600;
constexpr off_t kMaxFile = 4096;

std::optional<LastMeeting> read_meeting(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto time = [&](const char* name) -> std::optional<Seconds> {
    const auto field = object.find(name);
    if (field == object.end() || !field->is_number_unsigned()) return std::nullopt;
    const auto value = field->get<std::uint64_t>();
    return value <= UINT32_MAX ? std::optional(Seconds(value)) : std::nullopt;
  };
  const auto run = object.find("run");
  const auto beat = time("beat"), good = time("good");
  if (run == object.end() || !run->is_string() || !beat || !good) return std::nullopt;
  return LastMeeting{run->get<std::string>(), *beat, *good};
}

}  // namespace

std::string meeting_path(const std::string& context_file) {
  return context_file + ".store";
}

Result<LastMeeting> load_meeting(const std::string& path, Seconds now, std::string& note) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && status.st_size > kMaxFile) {
    return failure(path + " is larger than it can be");
  }
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return LastMeeting();
  std::optional<LastMeeting> meeting;
  const auto take = [&](std::string_view line) -> std::string {
    if (meeting) return "is one more than there can be";
    meeting = read_meeting(line);
    return meeting ? "" : "says nothing of a store";
  };
  const auto count = [&] { return std::size_t{meeting.has_value()}; };
  const std::string bad = FrameReader{kHeader, "meetings", take, count}.read(**text);
  if (bad.empty()) return meeting.value_or(LastMeeting());
  const std::string family = path + ".damaged.";
  const auto kept = keep_aside(path, family + std::to_string(now), family);
  if (!kept) return tl::make_unexpected(kept.error());
  note = path + ":" + bad + "; kept as " + *kept + ", the store is told all that is known here";
  return LastMeeting();
}

Result<void> save_meeting(const std::string& path, const LastMeeting& meeting) {
  std::string text(kHeader);
  text += '\n';
  JsonLine(text)
      .text("run", meeting.run)
      .number("beat", meeting.beat)
      .number("good", meeting.good)
      .end();
  text += "end 1\n";
  return replace_file(path, text, {kMode, {}, {}});
}

}  // namespace grey::shared

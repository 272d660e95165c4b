#include "greyd/shared/last_meeting.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/base/json_line.h"
#include "greyd/state/framed_file.h"
#include "greyd/state/framed_text.h"

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
  std::optional<LastMeeting> meeting;
  const auto take_line = [&](std::string_view line) -> std::string {
    if (meeting) return "is one more than there can be";
    meeting = read_meeting(line);
    return meeting ? "" : "says nothing of a store";
  };
  const auto count = [&] { return std::size_t{meeting.has_value()}; };
  bool whole = true;
  const auto take = [&](std::string_view text) {
    auto bad = FrameReader{kHeader, "meetings", take_line, count}.read(text);
    whole = bad.empty();
    return bad;
  };
  const auto loss = [] { return "the store is told all that is known here"; };
  const auto loaded = FramedFile{path, kMaxFile, take, loss}.load(now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return whole ? meeting.value_or(LastMeeting()) : LastMeeting();
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

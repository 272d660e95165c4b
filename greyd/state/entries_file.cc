#include "greyd/state/entries_file.h"

#include <optional>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/base/files.h"
#include "greyd/base/split.h"
#include "greyd/base/text.h"
#include "greyd/state/framed_file.h"
#include "greyd/state/framed_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeader = "qmail-greyd entries 1";
constexpr std::string_view kLegend =
    "# allow|block made until by entry; written by the daemon: use greyctl";
constexpr mode_t kMode = 0600;
constexpr off_t kMaxFile = 64 << 20;  // octets; more than all that there can be

std::optional<Entry> read_entry(std::string_view line) {
  Entry entry;
  const std::string_view kind = take_field(line);
  if (kind != "allow" && kind != "block") return std::nullopt;
  entry.kind = kind == "allow" ? Entry::Kind::allow : Entry::Kind::block;
  const auto since = read_time(take_field(line));
  const std::string_view until = take_field(line);
  if (until != "-") {
    entry.until = read_time(until);
    if (!entry.until) return std::nullopt;
  }
  auto by = read_word(take_field(line));
  auto text = read_word(line);
  if (!since || !by || !text) return std::nullopt;
  entry.since = *since;
  entry.by = std::move(*by);
  entry.text = std::move(*text);
  return entry;
}

// Why a line is none of ours; empty: it is one.
std::string take_line(std::string_view line, Entries& entries) {
  if (line.empty() || line.starts_with('#')) return {};
  auto entry = read_entry(line);
  if (!entry) return "is no entry";
  const auto put = entries.put(std::move(*entry));
  return put ? std::string() : put.error().text;
}

}  // namespace

std::string entries_path(const std::string& context_file) {
  return context_file + ".entries";
}

std::string to_text(const Entries& entries) {
  std::string text;
  text.append(kHeader).append("\n").append(kLegend).append("\n");
  entries.for_each([&](const Entry& entry) {
    text += entry.kind == Entry::Kind::allow ? "allow " : "block ";
    append_number(text, entry.since);
    text += ' ';
    if (entry.until) {
      append_number(text, *entry.until);
    } else {
      text += '-';
    }
    text += ' ';
    append_word(text, entry.by);
    text += ' ';
    append_word(text, entry.text);
    text += '\n';
  });
  return text + "end " + std::to_string(entries.size()) + "\n";
}

ReadEntries read_entries(std::string_view text) {
  ReadEntries read;
  const auto take = [&](std::string_view line) { return take_line(line, read.entries); };
  read.bad = FrameReader{kHeader, "entries", take, [&] { return read.entries.size(); }}.read(text);
  return read;
}

Result<Entries> load_entries(const std::string& path, Seconds now, std::string& note) {
  const auto loss = [](const ReadEntries& read) {
    return std::to_string(read.entries.size()) + " entries could be read";
  };
  auto loaded = load_framed(path, kMaxFile, read_entries, loss, now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return std::move(loaded->entries);
}

Result<void> save_entries(const std::string& path, const std::string& text) {
  return replace_file(path, text, {kMode, {}, {}});
}

}  // namespace grey

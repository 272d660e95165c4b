#include "svctool/daemon/judge_running.h"

#include <algorithm>

#include "greyd/base/store_url.h"
#include "svctool/plan/settings.h"

namespace grey::svctool {
namespace {

// What `run` passes on by this flag; null: nothing.
const Setting* setting_of(std::string_view flag) {
  for (const Setting& setting : all_settings()) {
    if (!setting.name.empty() && flag_of(setting) == flag) return &setting;
  }
  return nullptr;
}

std::string quoted(const StartValues& values, std::string_view name) {
  const auto value = values.find(name);
  if (value == values.end() || value->second.empty()) return "its default";
  // Which may have a password in it.
  if (name == setting_named("store").variable && !parse_store_url(value->second)) {
    return "one that cannot be";
  }
  return "'" + value->second + "'";
}

std::string_view value_of(const StartValues& values, std::string_view name) {
  const auto value = values.find(name);
  return value == values.end() ? std::string_view() : std::string_view(value->second);
}

}  // namespace

std::optional<StartValues> start_values(const std::vector<std::string>& words,
                                        bool use_greydaemon) {
  const std::string_view program = use_greydaemon ? "/greydaemon" : "/qmail-greyd";
  // LISTEN and CONTEXT_FILE come last.
  if (words.size() < 3 || !words.front().ends_with(program)) return std::nullopt;
  StartValues values;
  const std::size_t end = words.size() - 2;
  for (std::size_t i = 1; i < end; ++i) {
    if (words[i] == "--dry-run") {
      values["DRY_RUN"] = "1";
      continue;
    }
    const Setting* const setting = setting_of(words[i]);
    if (setting == nullptr || ++i >= end) return std::nullopt;
    // One that is the supervisor's own has no variable.
    if (!setting->variable.empty()) values[std::string(setting->variable)] = words[i];
  }
  values["LISTEN"] = words[end];
  values["CONTEXT_FILE"] = words[end + 1];
  return values;
}

void judge_start_values(const StartValues& set, const StartValues& started,
                        const std::string& service, Findings& findings) {
  for (const auto& [name, value] : set) {
    if (value == value_of(started, name)) continue;
    findings.warn("not-in-force",
                  service + ": " + name + " is " + quoted(set, name) +
                      " now, and the daemon that runs was started with " + quoted(started, name),
                  "svctool --restart --service=" + service, name);
  }
}

namespace {

// What follows the path of a file in the words about it; nothing: they do not name it.
std::optional<std::string_view> words_after(std::string_view refused, std::string_view path) {
  const std::size_t at = path.empty() ? refused.npos : refused.find(path);
  if (at == refused.npos) return std::nullopt;
  const std::string_view rest = refused.substr(at + path.size());
  if (!rest.empty() && std::string_view(": ,;").find(rest[0]) == rest.npos) return std::nullopt;
  return rest;
}

// A line is mended; what else it is may be what a daemon that runs cannot reach any more.
std::string mend(const LogNews& news, const std::string& path, const Commands& commands) {
  const auto rest = words_after(news.refused, path);
  const bool line =
      rest && rest->size() > 1 && (*rest)[0] == ':' && (*rest)[1] >= '0' && (*rest)[1] <= '9';
  return line ? "mend that line, then " + commands.reload : "mend that, then " + commands.restart;
}

// The last time that they were to be read; a log without the good times does not tell.
bool is_refused(const LogNews& news, double started_at) {
  return news.since && news.refused_at && *news.refused_at >= started_at &&
         (!news.reloaded_at || *news.reloaded_at < *news.refused_at);
}

}  // namespace

void judge_lists(const std::vector<ListFacts>& lists, std::optional<double> started_at,
                 const LogNews& news, const Commands& commands, Findings& findings) {
  if (!started_at) return;
  // The daemon's own word, whatever the times of the files are: one may be gone, or be made
  // readable without a new time.
  const bool refused = is_refused(news, *started_at);
  const auto is_named = [&](const ListFacts& list) {
    return words_after(news.refused, list.path).has_value();
  };
  const auto is_new = [&](const ListFacts& list) {
    return list.changed_at > *started_at &&
           !(news.reloaded_at && *news.reloaded_at >= list.changed_at);
  };
  if (refused && std::ranges::none_of(lists, [&](const ListFacts& list) {
        return is_named(list) || is_new(list);
      })) {
    findings.wrong("list-refused",
                   "the daemon has not read its files again, so that those before are in force: " +
                       news.refused,
                   mend(news, "", commands));
  }
  for (const ListFacts& list : lists) {
    const bool culprit = refused && is_named(list);
    if (!culprit && !is_new(list)) continue;
    if (culprit || news.refused_at >= list.changed_at) {
      findings.wrong(
          "list-refused",
          list.path +
              ": the daemon has refused it, so that the one before is in force: " + news.refused,
          mend(news, list.path, commands), list.path);
    } else if (news.since && *news.since <= list.changed_at) {
      findings.warn("list-not-read",
                    list.path + ": changed since the daemon has read it, so it is not in force",
                    commands.reload, list.path);
    } else {
      // Its log does not reach back, or says nothing of that.
      findings.note("list-changed",
                    list.path +
                        ": changed since the daemon was started; its log does not tell whether it "
                        "has been read since",
                    "if in doubt: " + commands.reload, list.path);
    }
  }
}

void judge_mta(const std::vector<MtaFacts>& places, const std::string& service,
               const std::string& log, Findings& findings) {
  for (const MtaFacts& place : places) {
    const std::string where = service + ": POLICY " + place.place;
    if (!place.other.empty()) {
      findings.wrong("policy-taken", where + " is taken by " + place.other,
                     "end that one, or set another POLICY, before the daemon is restarted",
                     place.place);
    } else if (place.probe && place.probe->answered) {
      findings.note("policy-answers", where + ": answers", {}, place.place);
    } else if (place.probe) {
      findings.wrong(
          "policy-silent", where + ": " + place.probe->outcome,
          "see what the daemon has said: " + log + "; then svctool --restart --service=" + service,
          place.place);
    }
  }
}

}  // namespace grey::svctool

#include "smtpd-glue/greysmtpd/jgreylist.h"

#include <algorithm>
#include <optional>

#include "smtpd-glue/greysmtpd/smtp_syntax.h"

namespace grey::smtp {
namespace {

constexpr std::string_view kPrefix = "JGREYLIST_";
constexpr std::string_view kNoNameText = "Your address % has no host name";

void add_name(std::string& names, std::string_view name) {
  if (!names.empty()) names += ", ";
  names += name;
}

std::string refusal_with(std::string_view text, std::string_view client) {
  std::string reply(text);
  const std::size_t percent = reply.find('%');
  if (percent != std::string::npos) reply.replace(percent, 1, client.empty() ? "(?)" : client);
  return "553 " + reply_text(reply);
}

// Digits alone: none for any other text, and for a number that no such setting can mean.
std::optional<int> number(std::string_view text) {
  if (text.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Takes the value of a variable that is a number; false when `name` is no such variable.
bool take_number(std::string_view name, std::string_view text, Jgreylist& settings) {
  const bool seconds = name == "JGREYLIST_TIMEOUT";
  const bool recipients = name == "JGREYLIST_LIMIT";
  if (!seconds && !recipients && name != "JGREYLIST_LOG") return false;
  const auto value = number(text);
  if (!value) {
    add_name(settings.bad, name);
  } else if (seconds) {
    settings.session_seconds = std::clamp(*value, Jgreylist::kMinSeconds, Jgreylist::kMaxSeconds);
  } else if (recipients) {
    settings.max_recipients = std::size_t(*value);
  } else {
    settings.log = *value != 0;
  }
  return true;
}

}  // namespace

Jgreylist read_jgreylist(const char* const* environment, std::string_view client,
                         std::string_view client_name) {
  Jgreylist settings;
  std::string_view text, no_name;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = entry.substr(0, equals), value = entry.substr(equals + 1);
    if (name == "JGREYLIST") {
      settings.exempt = value.empty();
      text = value;
    } else if (name == "JGREYLIST_NOREV") {
      no_name = value;
    } else if (name.starts_with(kPrefix) && !value.empty() && !take_number(name, value, settings)) {
      add_name(settings.ignored, name);
    }
  }
  if (!text.empty()) {
    settings.refused_by = "JGREYLIST";
    settings.refusal = refusal_with(text, client);
  } else if (!no_name.empty() && client_name.empty()) {
    settings.refused_by = "JGREYLIST_NOREV";
    settings.refusal = refusal_with(no_name == "1" ? kNoNameText : no_name, client);
  }
  return settings;
}

}  // namespace grey::smtp

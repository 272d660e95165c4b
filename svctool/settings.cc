#include "svctool/settings.h"

#include <optional>

#include "greyd/endpoint.h"
#include "greyd/network_set.h"
#include "greyd/policy_request.h"
#include "svctool/number.h"

namespace grey::svctool {
namespace {

// As the daemon reads its --policy: empty parts do no harm beside others.
bool are_places(std::string_view list) {
  bool any = false;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view part = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (part.empty()) continue;
    const bool path = part.starts_with('/') && part.size() > 1;
    if (!path && !parse_endpoint(part, Wildcards::allowed)) return false;
    any = true;
  }
  return any;
}

tl::unexpected<Error> wrong(std::string_view option, std::string_view value,
                            std::string_view what) {
  std::string text = "--";
  text.append(option).append(": '").append(value).append("' is not ").append(what);
  return misuse(std::move(text));
}

}  // namespace

std::span<const Setting> settings() {
  return service_settings();
}

const Setting* find_setting(std::string_view option) {
  if (option.empty()) return nullptr;
  for (const Setting& setting : all_settings()) {
    if (setting.option == option) return &setting;
  }
  return nullptr;
}

const Setting& memory_setting() {
  return *find_setting("memory");
}

const Setting& log_size_setting() {
  return *find_setting("log-size");
}

const Setting& log_count_setting() {
  return *find_setting("log-count");
}

bool is_dry_run(std::string_view value) {
  return !value.empty() && value != "0" && value != "no" && value != "off";
}

Result<void> check_line(std::string_view option, std::string_view value) {
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return misuse("--" + std::string(option) + ": the value contains a control character");
    }
  }
  if (value.empty()) return misuse("--" + std::string(option) + ": the value is empty");
  if (value.ends_with(' ')) {
    return misuse("--" + std::string(option) + ": '" + std::string(value) + "' ends with a space");
  }
  return {};
}

Result<void> check_value(const Setting& setting, std::string_view value) {
  if (auto line = check_line(setting.option, value); !line) return line;
  switch (setting.kind) {
    case Kind::number: {
      const auto number = parse_number<std::int64_t>(value);
      if (number && !value.starts_with('-') && setting.range.holds(*number)) return {};
      return wrong(setting.option, value,
                   "a number of " + std::string(setting.unit) + " " + text_of(setting.range));
    }
    case Kind::choice:
      if (is_choice(setting, value)) return {};
      return wrong(setting.option, value, "one of " + std::string(setting.choices));
    case Kind::networks:
      if (parse_networks(value)) return {};  // as the daemon reads it
      return wrong(setting.option, value, "a list of addresses or CIDR networks");
    case Kind::places:
      if (are_places(value)) return {};
      return wrong(setting.option, value, "a list of addresses with a port or absolute paths");
    case Kind::deferral:
      if (const auto good = check_deferral(value); !good) {
        return misuse("--" + std::string(setting.option) + ": " + good.error().text);
      }
      return {};
    case Kind::file:
      // The daemon would take it for an option.
      if (!value.starts_with('-')) return {};
      return wrong(setting.option, value, "a file name: it starts with a dash");
    case Kind::user:
      if (!value.starts_with('-')) return {};
      return wrong(setting.option, value, "a user");
  }
  return {};
}

Result<void> check_greydaemon_value(const Setting& setting, std::string_view value) {
  if (!setting.greydaemon_fixed || value == setting.greydaemon) return {};
  return misuse("--" + std::string(setting.option) + ": under greydaemon's rules it is always " +
                std::string(setting.greydaemon) + "; qmail-greyd has the choice");
}

}  // namespace grey::svctool

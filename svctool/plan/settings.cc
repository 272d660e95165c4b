#include "svctool/plan/settings.h"

#include <optional>
#include <utility>

#include "greyd/base/deferral.h"
#include "greyd/base/store_url.h"
#include "greyd/lists/network_set.h"
#include "greyd/wire/endpoint.h"
#include "svctool/util/number.h"

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

std::string is_not(std::string_view value, std::string_view what) {
  std::string text = "'";
  text.append(value).append("' is not ").append(what);
  return text;
}

Result<void> about_option(std::string_view option, std::string fault) {
  if (fault.empty()) return {};
  return misuse("--" + std::string(option) + ": " + std::move(fault));
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

std::string line_fault(std::string_view value) {
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return "the value contains a control character";
    }
  }
  if (value.empty()) return "the value is empty";
  if (value.ends_with(' ')) return "'" + std::string(value) + "' ends with a space";
  return {};
}

std::string serve_fault(std::string_view value) {
  if (std::string fault = line_fault(value); !fault.empty()) return fault;
  const auto endpoint = parse_endpoint(value, Wildcards::allowed, 0);  // 0: none is named
  if (endpoint && endpoint->port != 0) return {};
  return is_not(value, "an address and port, as 127.0.0.1@9119");
}

std::string value_fault(const Setting& setting, std::string_view value) {
  if (std::string fault = line_fault(value); !fault.empty()) return fault;
  switch (setting.kind) {
    case Kind::number: {
      const auto number = parse_number<std::int64_t>(value);
      if (number && !value.starts_with('-') && setting.range.holds(*number)) return {};
      return is_not(value,
                    "a number of " + std::string(setting.unit) + " " + text_of(setting.range));
    }
    case Kind::choice:
      if (is_choice(setting, value)) return {};
      return is_not(value, "one of " + std::string(setting.choices));
    case Kind::networks:
      if (parse_networks(value)) return {};  // as the daemon reads it
      return is_not(value, "a list of addresses or CIDR networks");
    case Kind::places:
      if (are_places(value)) return {};
      return is_not(value, "a list of addresses with a port or absolute paths");
    case Kind::server:
      if (parse_endpoint(value, Wildcards::refused, 53)) return {};  // as the daemon reads it
      return is_not(value, "an address, as 192.0.2.53 or 192.0.2.53@53");
    case Kind::deferral: {
      const auto good = check_deferral(value);
      return good ? std::string() : good.error().text;
    }
    case Kind::file:
      // The daemon would take it for an option.
      if (!value.starts_with('-')) return {};
      return is_not(value, "a file name: it starts with a dash");
    case Kind::store: {
      const auto good = parse_store_url(value);
      return good ? std::string() : good.error().text;
    }
    case Kind::user:
      return value.starts_with('-') ? is_not(value, "a user") : std::string();
  }
  return {};
}

std::string greydaemon_fault(const Setting& setting, std::string_view value) {
  if (!setting.greydaemon_fixed || value == setting.greydaemon) return {};
  if (is_not_greydaemons(setting))
    return "under greydaemon's rules there is none; qmail-greyd has it";
  return "under greydaemon's rules it is always " + std::string(setting.greydaemon) +
         "; qmail-greyd has the choice";
}

Result<void> check_sharing(const SettingText& value, const SettingText& name) {
  const Setting& store = setting_named("store");
  const Setting& key = setting_named("store-key-file");
  const std::pair<const Setting*, const Setting*> pairs[] = {
      {&setting_named("store-password-file"), &store},
      {&key, &store},
      {&setting_named("require-key"), &setting_named("key-file")}};
  for (const auto& [with, of] : pairs) {
    if (value(*with).empty() || !value(*of).empty()) continue;
    return misuse(name(*with) + " is of no use without " + name(*of));
  }
  if (value(store).empty() || !value(key).empty()) return {};
  return misuse(name(store) + " needs " + name(key));
}

Result<void> check_line(std::string_view option, std::string_view value) {
  return about_option(option, line_fault(value));
}

Result<void> check_value(const Setting& setting, std::string_view value) {
  return about_option(setting.option, value_fault(setting, value));
}

Result<void> check_greydaemon_value(const Setting& setting, std::string_view value) {
  return about_option(setting.option, greydaemon_fault(setting, value));
}

}  // namespace grey::svctool

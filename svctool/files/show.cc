#include "svctool/files/show.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "svctool/plan/diff.h"
#include "svctool/util/lines.h"

namespace grey::svctool {
namespace {

bool is_one_line(std::string_view content) {
  return first_line(content).size() + 1 >= content.size();
}

const char* name_of(Entry::Type type) {
  switch (type) {
    case Entry::Type::directory:
      return "directory";
    case Entry::Type::file:
      return "file";
    case Entry::Type::absent:
      return "absent";
  }
  return "";
}

const char* name_of(Change::Type type) {
  switch (type) {
    case Change::Type::create:
      return "create";
    case Change::Type::remove:
      return "remove";
    case Change::Type::content:
      return "content";
    case Change::Type::attributes:
      return "attributes";
    case Change::Type::in_the_way:
      return "in the way";
  }
  return "";
}

}  // namespace

std::string describe(const Change& change) {
  if (change.type == Change::Type::remove) return "remove " + change.path;
  std::string text = change.type == Change::Type::create ? "create " : "change ";
  text += change.path;
  if (change.type == Change::Type::in_the_way)
    return change.path + " is in the way: " + change.detail;
  if (change.type == Change::Type::attributes) return text + ": " + change.detail;
  // Settings are one line; of a script the name is enough.
  if (change.type == Change::Type::content && is_one_line(change.old_content) &&
      is_one_line(change.entry->content)) {
    text.append(": '").append(first_line(change.old_content)).append("' -> '");
    text.append(first_line(change.entry->content)).append("'");
  }
  return text;
}

std::string describe_in_full(const Change& change) {
  std::string text = describe(change) + "\n";
  if (change.entry->type == Entry::Type::directory || change.type == Change::Type::attributes ||
      change.type == Change::Type::in_the_way) {
    return text;
  }
  const bool create = change.type == Change::Type::create;
  const bool remove = change.type == Change::Type::remove;
  return text + unified_diff(create ? "/dev/null" : change.path, change.old_content,
                             remove ? "/dev/null" : change.path, change.entry->content);
}

std::string describe(const KeptEdit& kept, const Destdir& destdir) {
  return "keep " + destdir.at(kept.path) + ": " + kept.text;
}

std::string describe_new_user(const User& user) {
  const bool group = user.kind == User::Kind::group;
  return "create " + to_string(user) +
         (group ? " (its members may use the control socket)"
                : " (a system account without a shell)");
}

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Shown& shown, const Destdir& destdir) {
  const auto& [plan, comparison, new_users] = shown;
  Json json;
  json["service"] = destdir.at(plan.service);
  json["changes"] = comparison.changes.size() + new_users.size();
  json["users"] = Json::array();
  json["groups"] = Json::array();
  for (const User& user : plan.users) {
    bool create = false;
    for (const User& missing : new_users) {
      create |= missing.name == user.name && missing.kind == user.kind;
    }
    json[user.kind == User::Kind::group ? "groups" : "users"].push_back(
        {{"name", user.name}, {"change", create ? "create" : "none"}});
  }
  json["entries"] = Json::array();
  auto change = comparison.changes.begin();
  for (const Entry& entry : plan.entries) {
    char mode[16];
    std::snprintf(mode, sizeof mode, "%04o", unsigned(entry.mode));
    Json object = {{"type", name_of(entry.type)},
                   {"path", destdir.at(entry.path)},
                   {"mode", mode},
                   {"owner", entry.owner},
                   {"keep", entry.keep},
                   {"change", "none"}};
    if (entry.type == Entry::Type::file) object["content"] = entry.content;
    if (change != comparison.changes.end() && change->entry == &entry) {
      object["change"] = name_of(change->type);
      if (!change->old_content.empty()) object["old_content"] = change->old_content;
      ++change;
    }
    json["entries"].push_back(std::move(object));
  }
  json["kept"] = Json::array();
  for (const KeptEdit& kept : plan.kept) {
    json["kept"].push_back({{"path", destdir.at(kept.path)}, {"text", kept.text}});
  }
  return json;
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const Plan& plan, const Comparison& comparison,
                    const std::vector<User>& new_users, const Destdir& destdir) {
  return dump(json_of({plan, comparison, new_users}, destdir));
}

std::string to_json(const std::vector<Shown>& services, const Destdir& destdir) {
  Json json;
  for (const Shown& shown : services) {
    if (json.empty()) {
      json = json_of(shown, destdir);
    } else {
      json["beside"].push_back(json_of(shown, destdir));
    }
  }
  return dump(json);
}

}  // namespace grey::svctool

#include "svctool/verbs/check_keys.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "greyd/base/place.h"
#include "greyd/wire/endpoint.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/smtp_run.h"
#include "svctool/util/number.h"
#include "svctool/util/shell_quote.h"
#include "svctool/verbs/find_services.h"

namespace grey::svctool {
namespace {

// `owner`: as --key-owner has it.
std::string make(const std::string& path, const std::string& owner) {
  return "svctool --key=" + shell_quote(path) + " --key-owner=" + shell_quote(owner);
}

std::string name_of_user(uid_t user) {
  const struct passwd* entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

std::string name_of_group(gid_t gid) {
  const struct group* entry = ::getgrgid(gid);
  return entry != nullptr ? entry->gr_name : std::to_string(gid);
}

// The services of this machine whose daemon listens at one of the addresses.
std::vector<std::string> asked_here(std::string_view greyip) {
  std::vector<std::string> asked;
  for (const std::string& service : find_services("").greylisting) {
    const auto own = parse_endpoint(read_variable(service, "LISTEN"), Wildcards::allowed);
    if (!own) continue;
    for (std::string_view rest = greyip; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const auto one = parse_endpoint(rest.substr(0, comma), Wildcards::refused);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (!one || one->port != own->port || !(own->ip.is_any() || own->ip == one->ip)) continue;
      asked.push_back(service);
      break;
    }
  }
  return asked;
}

// Whom the words of a script's tcpserver or setuidgid make the server; nothing where that is not
// plain to see.
struct RunBy {
  std::optional<uid_t> user;
  std::optional<gid_t> group;
};

RunBy run_by(std::string_view run) {
  RunBy by;
  const auto words = shell_words(run);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& value = words[i + 1];
    const bool setuidgid = words[i].ends_with("setuidgid");
    if (words[i] == "-u" || setuidgid) {
      if (const auto number = parse_number<uid_t>(value)) by.user = number;
      if (const struct passwd* entry = ::getpwnam(value.c_str())) {
        by.user = entry->pw_uid;
        if (setuidgid) by.group = entry->pw_gid;
      }
    } else if (words[i] == "-g") {
      if (const auto number = parse_number<gid_t>(value)) by.group = number;
      if (const struct group* entry = ::getgrnam(value.c_str())) by.group = entry->gr_gid;
    }
  }
  return by;
}

void judge_reader(const std::string& path, std::string_view run, Findings& findings) {
  const RunBy by = run_by(run);
  const auto status = status_of(path);
  if (!status || !by.user || !by.group || *by.user == 0) return;
  const bool reads = *by.user == status->st_uid
                         ? (status->st_mode & S_IRUSR) != 0
                         : *by.group == status->st_gid && (status->st_mode & S_IRGRP) != 0;
  if (reads) return;
  // Who else reads it, most likely the daemon, does so as its owner or by its group.
  const std::string owner = status->st_uid == 0
                                ? name_of_user(*by.user) + ":" + name_of_group(status->st_gid)
                                : name_of_user(status->st_uid) + ":" + name_of_group(*by.group);
  findings.wrong("key-unreadable",
                 path + ": uid " + std::to_string(*by.user) + " with gid " +
                     std::to_string(*by.group) + ", which runs the SMTP server, cannot read it",
                 make(path, owner), path);
}

void judge_pair(const std::string& daemon, const wire::KeyRing& keys, const std::string& where,
                Findings& findings) {
  const std::string file = key_file_of_daemon(daemon);
  if (keys.empty()) {
    if (file.empty() || read_variable(daemon, "REQUIRE_KEY") != "always") return;
    findings.wrong(
        "key-needed",
        where + ": no GREYKEYFILE, and the daemon of " + daemon + " answers nobody without a key",
        "svctool --key=" + shell_quote(file) + " with --service or --tcprules of it", where);
    return;
  }
  if (file.empty()) {
    findings.wrong("key-unused",
                   where + ": GREYKEYFILE is set, and the daemon of " + daemon +
                       " has no keys, so none of its answers is believed",
                   "svctool --key=FILE --service=" + shell_quote(daemon), where);
    return;
  }
  const auto theirs = keys_in(file);
  if (!theirs) return;  // said of that service
  const wire::Key* same = theirs->find(keys.first().id());
  if (same != nullptr && same->secret == keys.first().secret) return;
  findings.wrong("key-differs",
                 where + ": the first key of its GREYKEYFILE is not in " + file +
                     ", so the daemon of " + daemon + " does not answer",
                 "give both the same file, or take the new key into the daemon's first", file);
}

}  // namespace

void judge_daemon_keys(const std::string& service, Findings& findings) {
  const std::string file = key_file_of_daemon(service);
  if (file.empty()) return;
  if (const auto keys = keys_in(file); !keys) {
    findings.wrong("key-file-bad", keys.error().text, make(file, user_of_daemon(service) + ":"),
                   file);
  }
}

void judge_asker_keys(std::string_view greyip, const std::string& key_file, std::string_view run,
                      const std::string& where, Findings& findings) {
  wire::KeyRing keys;
  if (!key_file.empty()) {
    const auto read = keys_in(key_file);
    if (!read) {
      const auto user = run_by(run).user;
      findings.wrong("key-file-bad", read.error().text,
                     make(key_file, user ? name_of_user(*user) + ":" : "USER:GROUP"), key_file);
      return;
    }
    keys = *read;
    judge_reader(key_file, run, findings);
  }
  for (const std::string& daemon : asked_here(greyip)) judge_pair(daemon, keys, where, findings);
}

}  // namespace grey::svctool

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "greyd/base/settings_table.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/processes.h"
#include "svctool/daemon/sockets.h"
#include "svctool/daemon/strangers.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/settings.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

constexpr std::size_t kMostLog = std::size_t{1} << 20;  // bytes of a log that are read
constexpr double kDay = 86400;
constexpr unsigned kLogSeconds = 20;

double seconds(const timespec& time) {
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

// The last `most` bytes of a file from the beginning of a line on; nothing when it cannot be read,
// or is something else.
std::optional<std::string> read_end(const std::string& path, std::size_t most) {
  const auto file = open_regular(path);
  struct stat status {};
  if (!file || ::fstat(file->get(), &status) != 0) return std::nullopt;
  const auto size = std::size_t(status.st_size);
  std::string text(std::min(size, most), '\0');
  const ssize_t got = ::pread(file->get(), text.data(), text.size(), off_t(size - text.size()));
  text.resize(got > 0 ? std::size_t(got) : 0);
  if (size > most) text.erase(0, text.find('\n') + 1);  // npos + 1 is 0
  return text;
}

// multilog's and its like: `current`, and before it files whose names are in the order of time.
std::vector<std::string> log_files(const std::string& directory) {
  std::vector<std::string> files;
  if (const auto names = names_in(directory)) {
    for (const std::string& name : *names) {
      if (name.starts_with('@')) files.push_back(path_below(directory, name));
    }
  }
  files.push_back(directory + "/current");
  return files;
}

LogNews read_log_files(const std::string& directory, double lost_since) {
  LogNews news;
  std::vector<std::string> texts;  // the newest first
  std::size_t left = kMostLog;
  auto files = log_files(directory);
  std::ranges::reverse(files);
  for (const std::string& file : files) {
    auto text = left > 0 ? read_end(file, left) : std::nullopt;
    if (!text) {
      news.unseen = texts.empty() && ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
      break;
    }
    left -= text->size();
    texts.push_back(std::move(*text));
  }
  for (auto text = texts.rbegin(); text != texts.rend(); ++text) read_news(*text, lost_since, news);
  return news;
}

// What the suite keeps.
LogNews read_kept_log(const Suite& suite, const std::string& service, double lost_since) {
  LogNews news;
  Program program{arguments_of(suite.log_news, suite.known_as(service))};
  program.seconds = kLogSeconds;
  if (const auto text = read_program(program)) read_news(*text, lost_since, news);
  news.unseen = !news.since && ::geteuid() != 0;
  return news;
}

std::vector<std::string> mta_places(const std::string& value) {
  std::vector<std::string> places;
  std::istringstream parts(value);
  for (std::string place; std::getline(parts, place, ',');) {
    if (!place.empty()) places.push_back(place);
  }
  return places;
}

// A TCP port that another process than the daemon has.
std::string holder_of_port(const Seen& seen, const Endpoint& endpoint) {
  // Nothing when only root can tell: what is asked there says more.
  if (seen.daemon != 0 && listens_at(seen.daemon, Transport::tcp, endpoint) != false) return {};
  const auto other = find_stranger(*seen.request.suite, seen.service, Transport::tcp, endpoint);
  return other ? to_string(*other) : std::string();
}

std::string holder_of_socket(const Seen& seen, const MtaProbe& probe) {
  if (probe.peer == 0 || probe.peer == seen.daemon) return {};
  if (is_daemon_now(*seen.request.suite, seen.service, probe.peer)) return {};
  return to_string(Holder{probe.peer, program_of(probe.peer), {}});
}

// Whether the daemon that runs was started with it.
bool is_started_with(const Seen& seen, const std::string& place) {
  if (seen.daemon == 0 || !seen.started) return seen.daemon != 0;
  const auto value = seen.started->find("POLICY");
  if (value == seen.started->end()) return false;
  const auto places = mta_places(value->second);
  return std::ranges::find(places, place) != places.end();
}

MtaFacts look_at_place(const Seen& seen, const std::string& place) {
  MtaFacts facts{place, {}, {}};
  const bool started = is_started_with(seen, place);
  const auto endpoint = parse_endpoint(place, Wildcards::allowed, kDefaultMtaPort);
  const bool is_path = place.starts_with('/');
  if (!is_path && endpoint) facts.other = holder_of_port(seen, *endpoint);
  if (!is_path && (!started || !facts.other.empty())) return facts;
  MtaProbe probe = probe_mta(place);
  if (is_path) facts.other = holder_of_socket(seen, probe);
  if (started) facts.probe = std::move(probe);
  return facts;
}

// One that is there.
void add_file(const std::string& path, std::vector<ListFacts>& files) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  // A file that was moved there has kept its time, but not that of its inode.
  files.push_back({path, std::max(seconds(status.st_mtim), seconds(status.st_ctim))});
}

}  // namespace

Seen see(const ServiceRequest& request, const std::string& service, pid_t daemon) {
  Seen seen{request, service, daemon};
  if (daemon != 0) seen.started = start_values(command_line_of(daemon), request.use_greydaemon);
  return seen;
}

StartValues values_set(const Seen& seen) {
  StartValues values;
  const auto add = [&](std::string_view name) {
    values[std::string(name)] = read_variable(seen.service, std::string(name));
  };
  for (const Setting& setting : settings()) add(setting.variable);
  for (const char* name : {"LISTEN", "CONTEXT_FILE"}) add(name);
  // Only one that root starts is told who to be.
  const bool told = seen.started && seen.started->contains("SERVICE_USER");
  const bool is_root = seen.daemon != 0 && user_of(seen.daemon) == 0;
  if (!sets_user(*seen.request.suite) && (told || is_root)) add("SERVICE_USER");
  const bool dry = is_dry_run(read_variable(seen.service, "DRY_RUN"));
  values.emplace("DRY_RUN", dry ? std::string("1") : std::string());
  return values;
}

LogNews look_at_news(const Suite& suite, const std::string& service) {
  const double day_ago = double(::time(nullptr)) - kDay;
  if (keeps_log(suite)) return read_kept_log(suite, service, day_ago);
  const std::string directory = read_variable(service + "/log", "LOGDIR");
  return directory.empty() ? LogNews() : read_log_files(directory, day_ago);
}

std::vector<MtaFacts> look_at_mta(const Seen& seen) {
  std::vector<MtaFacts> facts;
  for (const std::string& place : mta_places(read_variable(seen.service, "POLICY"))) {
    facts.push_back(look_at_place(seen, place));
  }
  return facts;
}

std::string find_mta_holder(const Seen& seen) {
  return find_mta_holder(seen, read_variable(seen.service, "POLICY"));
}

std::string find_mta_holder(const Seen& seen, const std::string& places) {
  for (const std::string& place : mta_places(places)) {
    const MtaFacts facts = look_at_place(seen, place);
    if (!facts.other.empty()) return facts.other + " listens on " + place;
  }
  return {};
}

std::vector<ListFacts> look_at_lists(const Seen& seen) {
  std::vector<ListFacts> lists;
  for (const OperatorFile& file : kOperatorFiles) {
    const std::string name = read_variable(seen.service, std::string(file.variable));
    if (name.empty()) continue;
    const std::string path = path_below(read_variable(seen.service, "CONTROLDIR"), name);
    for (const std::string_view end : {"", ".local", ".cdb"}) {
      if (!file.list && !end.empty()) continue;
      add_file(path + std::string(end), lists);
    }
  }
  return lists;
}

std::vector<ListFacts> look_at_keys(const Seen& seen) {
  std::vector<ListFacts> keys;
  const std::string name = read_variable(seen.service, "KEY_FILE");
  if (!name.empty()) add_file(path_below(read_variable(seen.service, "CONTROLDIR"), name), keys);
  return keys;
}

std::vector<ListFacts> look_at_secrets(const Seen& seen) {
  std::vector<ListFacts> secrets;
  for (const std::string_view option : kSecretFiles) {
    if (option == "key-file") continue;  // see above
    const std::string name =
        read_variable(seen.service, std::string(find_setting(option)->variable));
    if (name.empty()) continue;
    add_file(path_below(read_variable(seen.service, "CONTROLDIR"), name), secrets);
  }
  return secrets;
}

}  // namespace grey::svctool

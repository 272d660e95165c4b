#include "greyd/confine.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "greyd/base/files.h"
#include "greyd/wire/ip.h"

namespace grey {
namespace {

void add_place_of(const std::string& file, std::vector<std::string>& directories) {
  if (file.empty()) return;
  directories.push_back(directory_of(file));
  std::error_code error;
  if (!std::filesystem::is_symlink(file, error)) return;
  const auto target = std::filesystem::canonical(file, error);
  if (!error) directories.push_back(target.parent_path());
}

// A list is what is beside it, too.
void add_places_of_list(const std::string& file, std::vector<std::string>& directories) {
  if (file.empty()) return;
  for (const char* suffix : {"", ".local", ".cdb", ".local.cdb"}) {
    add_place_of(file + suffix, directories);
  }
}

// What getaddrinfo(3) reads, and the libraries that it loads.
void add_resolver(sandbox::Needs& needs) {
  needs.loads_resolvers = true;
  for (const char* path : {"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
                           "/lib", "/lib64", "/usr/lib", "/usr/lib64"}) {
    needs.reads.emplace_back(path);
  }
}

void add_store(const StoreUrl& store, sandbox::Needs& needs) {
  needs.connects_out = true;
  for (const StorePlace& place : store.places) {
    needs.ports.push_back(place.port);
    if (!Ip::parse(place.host)) add_resolver(needs);
  }
  // Where its master is they say later: by a name, even.
  if (store.has_sentinels()) add_resolver(needs);
}

}  // namespace

sandbox::Needs needs_of(const Options& options) {
  sandbox::Needs needs;
  needs.keeps.push_back(directory_of(options.context_file));
  add_place_of(options.context_file, needs.reads);
  for (const std::string& list : {options.whitelist, options.blacklist, options.rules}) {
    add_places_of_list(list, needs.reads);
  }
  for (const std::string& file :
       {options.store_password_file, options.store_key_file, options.key_file}) {
    add_place_of(file, needs.reads);
  }
  if (!options.control.empty()) needs.removes.push_back(directory_of(options.control));
  for (const ListenAddress& address : policy_places(options)) {
    if (!address.path.empty()) needs.removes.push_back(directory_of(address.path));
  }
  if (options.store) add_store(*options.store, needs);
  return needs;
}

Result<sandbox::Sandbox> confine(const Options& options, spdlog::logger& logger) {
  if (options.sandbox == SandboxUse::off) {
    logger.warn("--sandbox=off: files and system calls that it does not need are not given up");
    return sandbox::Sandbox();
  }
  auto sandbox = sandbox::enter(needs_of(options));
  if (!sandbox) return sandbox;
  for (const std::string& lack : sandbox->lacks()) logger.warn("sandbox: {}", lack);
  return sandbox;
}

std::string restart_hint(const sandbox::Sandbox& sandbox) {
  const std::string replaced = sandbox.replaced();
  if (replaced.empty()) return {};
  return "; " + replaced + " is not the directory that it was at the start: a restart is needed";
}

}  // namespace grey

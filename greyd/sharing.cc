#include "greyd/sharing.h"

#include <sodium.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "greyd/shared/store_key.h"
#include "greyd/store/store_password.h"

namespace grey {
namespace {

// "mx1.1999.2873450981": that of no other daemon, nor of this one's last run.
std::string name_of_daemon(const Options& options) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + "." + std::to_string(options.listen.port) + "." +
         std::to_string(randombytes_random());
}

}  // namespace

Result<std::optional<shared::SharedSettings>> shared_settings(const Options& options) {
  std::optional<shared::SharedSettings> settings;
  if (!options.store) return settings;
  auto key = shared::read_store_key(options.store_key_file);
  if (!key) return tl::make_unexpected(key.error());
  std::string password;
  if (!options.store_password_file.empty()) {
    auto read = read_store_password(options.store_password_file);
    if (!read) return tl::make_unexpected(read.error());
    password = std::move(*read);
  }
  settings.emplace(shared::SharedSettings{*options.store, std::move(password), *key,
                                          name_of_daemon(options), options.context_file});
  return settings;
}

}  // namespace grey

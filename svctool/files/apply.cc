#include "svctool/files/apply.h"

#include <utility>

#include "greyd/base/place.h"
#include "svctool/disk/transaction.h"

namespace grey::svctool {
namespace {

bool is_within(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

Result<void> stage(Transaction& transaction, const Change& change, const std::string& path,
                   const FileMode& mode) {
  if (change.given) return transaction.change_file(path, mode);
  if (change.type == Change::Type::remove) return transaction.stage_removal(path);
  if (change.entry->type == Entry::Type::file) {
    return transaction.stage_file(path, change.entry->content, mode);
  }
  if (change.type == Change::Type::create && !is_there(path)) {
    return transaction.make_directory(path, mode);
  }
  return transaction.change_directory(path, mode);
}

}  // namespace

Result<void> refuse_obstacles(const Comparison& comparison) {
  for (const Change& change : comparison.changes) {
    if (change.type == Change::Type::in_the_way) {
      return failure(change.path + " is in the way: " + change.detail);
    }
  }
  return {};
}

Result<void> install(const Plan& plan, const Comparison& comparison, const Accounts& accounts,
                     const Destdir& destdir, const std::function<Result<void>()>& last) {
  Transaction transaction;
  const std::string service = destdir.at(plan.service);
  std::string staging;
  for (const Change& change : comparison.changes) {
    std::string path = change.path;
    if (comparison.new_service && is_within(path, service)) {
      if (staging.empty()) {
        auto made = transaction.stage_directory(service);
        if (!made) return tl::make_unexpected(made.error());
        staging = std::move(*made);
      }
      path = staging + path.substr(service.size());
    }
    auto staged = stage(transaction, change, path, mode_of(change, accounts));
    if (!staged) return staged;
  }
  return transaction.commit(last);
}

}  // namespace grey::svctool

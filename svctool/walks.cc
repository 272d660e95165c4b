#include "svctool/walks.h"

#include <algorithm>
#include <cstdio>

#include "svctool/apply.h"
#include "svctool/output.h"
#include "svctool/show.h"

namespace grey::svctool {
namespace {

Result<void> refuse_missing(const std::vector<User>& missing) {
  if (missing.empty()) return {};
  const User& user = missing.front();
  return failure("user " + user.name + " does not exist: name another one with --" + user.option +
                 ", or let --create-users make it");
}

// Whether the service will be able to use what it needs; what is about to be given to its user it
// is.
Result<void> check_access(const Plan& plan, const Accounts& accounts,
                          const Comparison& comparison) {
  for (const Access& access : plan.access) {
    const bool mended = std::ranges::any_of(comparison.changes, [&](const Change& change) {
      return change.entry->path == access.path && change.type == Change::Type::attributes &&
             change.entry->owner == access.user;
    });
    if (mended) continue;
    if (std::string denied = try_access(access, accounts); !denied.empty()) {
      return failure(std::move(denied));
    }
  }
  return {};
}

void show_in_full(const Comparison& comparison, const std::vector<User>& new_users) {
  for (const User& user : new_users) say(describe_new_user(user));
  for (const Change& change : comparison.changes) {
    std::fputs(describe_in_full(change).c_str(), stdout);
  }
}

// Of a new service one line says it all; who wants each file asks for a dry run.
void show_briefly(const Comparison& comparison, const std::vector<User>& new_users,
                  const std::string& service) {
  for (const User& user : new_users) say(describe_new_user(user));
  for (const Change& change : comparison.changes) {
    if (!comparison.new_service || !change.path.starts_with(service + "/")) say(describe(change));
  }
}

}  // namespace

Result<Applied> apply_or_show(const Plan& plan, const Manner& manner) {
  Accounts accounts = find_accounts(plan);
  const std::vector<User> missing = missing_users(plan, accounts);
  if (!manner.create_users) {
    if (auto good = refuse_missing(missing); !good) return tl::make_unexpected(good.error());
  }
  const bool only_show = manner.dry_run || manner.json;
  NewUsers new_users;
  if (!only_show && !missing.empty()) {
    if (auto made = new_users.create(missing); !made) return tl::make_unexpected(made.error());
    accounts = find_accounts(plan);
  }
  if (!only_show) {
    if (auto good = may_give_files_to(accounts); !good) return tl::make_unexpected(good.error());
  }
  const auto comparison = compare(plan, accounts, manner.destdir);
  if (!comparison) return tl::make_unexpected(comparison.error());
  if (auto possible = refuse_obstacles(*comparison); !possible) {
    return tl::make_unexpected(possible.error());
  }
  // A staging tree is not where the service will run.
  if (manner.destdir.empty()) {
    if (auto able = check_access(plan, accounts, *comparison); !able) {
      return tl::make_unexpected(able.error());
    }
  }
  const std::string service = manner.destdir + plan.service;
  if (manner.nooverwrite && !comparison->new_service) {
    return failure(service + " exists, and --nooverwrite was given");
  }
  if (manner.json) {
    std::fputs(to_json(plan, *comparison, missing, manner.destdir).c_str(), stdout);
    return Applied{};
  }
  if (!only_show) {
    auto installed = install(plan, *comparison, accounts, manner.destdir);
    if (!installed) return tl::make_unexpected(installed.error());
    new_users.keep();
  }
  if (manner.dry_run) {
    show_in_full(*comparison, missing);
  } else {
    show_briefly(*comparison, missing, service);
  }
  Applied applied;
  applied.new_service = comparison->new_service;
  if (!only_show) {
    for (const Change& change : comparison->changes) applied.paths.push_back(change.entry->path);
  }
  if (comparison->changes.empty() && missing.empty()) say(service + ": nothing to change");
  return applied;
}

}  // namespace grey::svctool

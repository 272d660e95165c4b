#include "svctool/files/walks.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "greyd/base/place.h"
#include "svctool/files/apply.h"
#include "svctool/files/show.h"
#include "svctool/files/staging.h"
#include "svctool/util/output.h"

namespace grey::svctool {
namespace {

Result<void> refuse_missing(const std::vector<User>& missing) {
  if (missing.empty()) return {};
  const User& user = missing.front();
  return failure(to_string(user) + " does not exist: name another one with --" + user.option +
                 ", or let --create-users make it");
}

// Whether the service will be able to use what it needs; what is about to be given to its user it
// is.
Result<void> check_access(const Plan& plan, const Accounts& accounts,
                          const Comparison& comparison) {
  for (const Access& access : plan.access) {
    const bool mended = std::ranges::any_of(comparison.changes, [&](const Change& change) {
      const bool same =
          change.given ? change.path == access.path : change.entry->path == access.path;
      // A file that is not there is made by who gets the directory.
      const bool below = access.need == Access::Need::write && !is_there(access.path) &&
                         TargetPath(access.path).is_below(change.entry->path);
      return (same || below) && change.type == Change::Type::attributes &&
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

// What there is to do, found to be possible.
struct Prepared {
  Accounts accounts;
  std::vector<User> missing;  // users that are made, or would be
  Comparison comparison;
};

// Makes the users that are missing unless this only shows; `new_users` takes them back when
// anything fails later.
Result<Prepared> prepare(const Plan& plan, const Manner& manner, bool only_show,
                         NewUsers& new_users) {
  Prepared prepared;
  for (const Entry& entry : plan.entries) {
    if (auto within = stays_within(manner.destdir, entry.path); !within) {
      return tl::make_unexpected(within.error());
    }
  }
  prepared.accounts = find_accounts(plan);
  prepared.missing = missing_users(plan, prepared.accounts);
  Result<void> good;
  if (!manner.create_users) good = refuse_missing(prepared.missing);
  if (good && !only_show && !prepared.missing.empty()) {
    good = new_users.create(prepared.missing);
    prepared.accounts = find_accounts(plan);
  }
  if (good && !only_show) good = may_give_files_to(prepared.accounts);
  if (!good) return tl::make_unexpected(good.error());
  auto comparison = compare(plan, prepared.accounts, manner.destdir);
  if (!comparison) return tl::make_unexpected(comparison.error());
  prepared.comparison = std::move(*comparison);
  good = refuse_obstacles(prepared.comparison);
  // A staging tree is not where the service will run.
  if (good && manner.destdir.is_this_machine()) {
    good = check_access(plan, prepared.accounts, prepared.comparison);
  }
  if (good && manner.nooverwrite && !prepared.comparison.new_service) {
    good = failure(manner.destdir.at(plan.service) + " exists, and --nooverwrite was given");
  }
  if (!good) return tl::make_unexpected(good.error());
  return prepared;
}

bool is_among(const std::vector<User>& users, const User& user) {
  return std::ranges::any_of(users, [&user](const User& other) {
    return other.name == user.name && other.kind == user.kind;
  });
}

// Directories that several are in are the first one's.
void leave_out_what_is_there_before(std::vector<Plan>& plans) {
  for (std::size_t later = 1; later < plans.size(); ++later) {
    for (std::size_t before = 0; before < later; ++before) {
      std::erase_if(plans[later].entries, [&](const Entry& entry) {
        return std::ranges::any_of(plans[before].entries,
                                   [&](const Entry& e) { return e.path == entry.path; });
      });
    }
  }
}

// The paths that were changed.
Result<std::vector<TargetPath>> carry_out(const Plan& plan, const Prepared& prepared,
                                          const Manner& manner,
                                          const std::function<Result<void>()>& last) {
  const Comparison& comparison = prepared.comparison;
  const std::string service = manner.destdir.at(plan.service);
  std::vector<TargetPath> paths;
  if (manner.dry_run) {
    show_in_full(comparison, prepared.missing);
  } else {
    auto installed = install(plan, comparison, prepared.accounts, manner.destdir, last);
    if (!installed) return tl::make_unexpected(installed.error());
    show_briefly(comparison, prepared.missing, service);
    for (const Change& change : comparison.changes) paths.push_back(change.entry->path);
  }
  for (const KeptEdit& kept : plan.kept) say(describe(kept, manner.destdir));
  if (comparison.changes.empty() && prepared.missing.empty()) say(service + ": nothing to change");
  return paths;
}

}  // namespace

Result<Applied> apply_or_show(const Plan& plan, const Manner& manner,
                              const std::function<Result<void>()>& last) {
  auto applied = apply_or_show(std::vector<Plan>{plan}, manner, last);
  if (!applied) return tl::make_unexpected(applied.error());
  return std::move(applied->front());
}

Result<std::vector<Applied>> apply_or_show(std::vector<Plan> plans, const Manner& manner,
                                           const std::function<Result<void>()>& last) {
  const bool only_show = manner.dry_run || manner.json;
  leave_out_what_is_there_before(plans);
  NewUsers new_users;
  std::vector<Prepared> prepared;
  for (const Plan& plan : plans) {
    auto one = prepare(plan, manner, only_show, new_users);
    if (!one) return tl::make_unexpected(one.error());
    for (const Prepared& before : prepared) {
      std::erase_if(one->missing, [&](const User& user) { return is_among(before.missing, user); });
    }
    prepared.push_back(std::move(*one));
  }
  if (manner.json) {
    std::vector<Shown> shown;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      shown.push_back({plans[i], prepared[i].comparison, prepared[i].missing});
    }
    std::fputs(to_json(shown, manner.destdir).c_str(), stdout);
  }
  std::vector<Applied> applied;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    applied.push_back({prepared[i].comparison.new_service, {}});
    if (manner.json) continue;
    auto done = carry_out(plans[i], prepared[i], manner, i == 0 ? last : nullptr);
    if (!done) return tl::make_unexpected(done.error());
    applied.back().paths = std::move(*done);
    new_users.keep();  // something belongs to them now
  }
  return applied;
}

}  // namespace grey::svctool

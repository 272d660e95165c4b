#include "greyd/service.h"

#include <utility>

#include "greyd/lists.h"

namespace grey {
namespace {

ContextForm context_form(const Policy& policy) {
  return policy.personality == Personality::greydaemon ? ContextForm::greydaemon
                                                       : ContextForm::qmail_greyd;
}

}  // namespace

Service::Service(const ServiceSettings& settings, const HashKey& hash_key, Background& background,
                 StateFiles::Report report)
    : greylist_(settings.policy, settings.max_records, hash_key),
      whitelist_(settings.whitelist),
      blacklist_(settings.blacklist),
      files_(settings.context_file, context_form(settings.policy), settings.sync, greylist_,
             background, std::move(report)) {}

void Service::decide(std::span<const wire::Query> batch, Seconds now, const Done& done) {
  if (decisions_.size() < batch.size()) decisions_.resize(batch.size());
  greylist_.decide(batch, lists_, now, decisions_);
  files_.commit();
  for (std::size_t i = 0; i < batch.size(); ++i) done(i, decisions_[i]);
}

Result<std::size_t> Service::reload_lists() {
  auto lists = load_lists(whitelist_, blacklist_);
  if (!lists) return tl::make_unexpected(lists.error());
  lists_ = std::move(*lists);
  return lists_.whitelist.entries() + lists_.blacklist.entries();
}

}  // namespace grey

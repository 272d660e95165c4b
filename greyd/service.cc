#include "greyd/service.h"

#include <utility>

#include "greyd/lists.h"

namespace grey {

Service::Service(const Policy& policy, std::size_t max_records, const HashKey& hash_key,
                 ServicePaths paths)
    : greylist_(policy, max_records, hash_key), paths_(std::move(paths)) {}

void Service::decide(std::span<const wire::Query> batch, Seconds now, const Done& done) {
  for (std::size_t i = 0; i < batch.size(); ++i) done(i, greylist_.decide(batch[i], lists_, now));
}

ContextForm Service::context_form() const {
  return greylist_.policy().personality == Personality::greydaemon ? ContextForm::greydaemon
                                                                   : ContextForm::qmail_greyd;
}

Result<LoadReport> Service::load_context(Seconds now) {
  return grey::load_context(paths_.context_file, context_form(), greylist_, now);
}

Result<std::size_t> Service::save_context() const {
  return grey::save_context(paths_.context_file, context_form(), greylist_);
}

Result<std::size_t> Service::reload_lists() {
  auto lists = load_lists(paths_.whitelist, paths_.blacklist);
  if (!lists) return tl::make_unexpected(lists.error());
  lists_ = std::move(*lists);
  return lists_.whitelist.entries() + lists_.blacklist.entries();
}

}  // namespace grey

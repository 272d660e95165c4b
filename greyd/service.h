// What the server serves: decisions on batches of queries, and the upkeep of their state.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "greyd/context_file.h"
#include "greyd/error.h"
#include "greyd/greylist.h"
#include "greyd/wire.h"

namespace grey {

struct ServicePaths {
  std::string context_file;
  std::string whitelist, blacklist;  // empty: none
};

class Service {
 public:
  // Tells that the query of that number in the batch has been decided, once for each.
  using Done = std::function<void(std::size_t index, const Decision& decision)>;

  Service(const Policy& policy, std::size_t max_records, const HashKey& hash_key,
          ServicePaths paths);

  // The caller keeps the queries and what they point to until `done` has been called for each. This
  // service calls it before it returns; a caller must not count on that, as a service that shares
  // its state through a store answers later.
  void decide(std::span<const wire::Query> batch, Seconds now, const Done& done);

  Result<LoadReport> load_context(Seconds now);
  Result<std::size_t> save_context() const;

  // The lists that were in force stay so after an error. How many entries both have now.
  Result<std::size_t> reload_lists();

  std::size_t expire(Seconds now, std::size_t limit) { return greylist_.expire(now, limit); }
  const Greylist& greylist() const { return greylist_; }

 private:
  ContextForm context_form() const;

  Greylist greylist_;
  Lists lists_;
  ServicePaths paths_;
};

}  // namespace grey

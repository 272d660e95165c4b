// What was ordered here and has not been said to the others yet, in NAME.orders, so that a daemon
// that ends while the store is away says it after its next start. There is no file of nothing.
//
//   qmail-greyd orders 1
//   {"order":"unlist","at":1764172800,"by":"uid:0@mx1.1999","entry":"192.0.2.7"}
//   end 1
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/shared/order.h"
#include "greyd/shared/store_file.h"

namespace grey::shared {

std::string unsaid_path(const std::string& context_file);

// Of no file: none. One that is damaged gets a second name, as totals do (totals_file.h), `note`
// says so, and what can be read of it counts. An error when it is there and cannot be read or kept.
Result<std::vector<Order>> load_unsaid(const std::string& path, Seconds now, std::string& note);
// Replaces the file. Takes as long as the disk does.
Result<void> save_unsaid(const std::string& path, const std::vector<Order>& orders);

// Writes them by the background when they have changed, and when the daemon ends.
class UnsaidKeeper {
 public:
  using Report = StoreFile::Report;

  // `background` must outlive it.
  UnsaidKeeper(std::string path, Background& background, Report report);

  // What cannot be read is reported, and never written over.
  std::vector<Order> load(Seconds now);
  // To be called whenever they may have changed, and about once a second.
  // `version`: another one for others than before.
  void keep(std::uint64_t version, const std::function<std::vector<Order>()>& orders);
  // Writes them now, behind what the background has begun.
  void save(std::uint64_t version, const std::vector<Order>& orders);

 private:
  std::uint64_t kept_ = 0;  // that version is on the disk
  StoreFile file_;
};

}  // namespace grey::shared

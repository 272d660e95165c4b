// What the command line means to a state that several daemons share, and what the log says of it.
#pragma once

#include <spdlog/logger.h>

#include <optional>

#include "greyd/options.h"
#include "greyd/shared/shared_state.h"
#include "greyd/shared/store_news.h"

namespace grey {

// Nothing where nobody shares the state; an error where the files of password or key are not to be
// used. Reads them as whoever runs this.
Result<std::optional<shared::SharedSettings>> shared_settings(const Options& options);

// Looks at the store once a second, and logs what is news. All by reference must outlive it.
class SharingLog {
 public:
  SharingLog(EventLoop& loop, const shared::SharedState& shared, spdlog::logger& logger,
             Verbosity verbosity);

 private:
  void look();

  const shared::SharedState& shared_;
  spdlog::logger& logger_;
  const Verbosity verbosity_;
  shared::StoreNews news_;
  EventLoop::Timer timer_;
};

}  // namespace grey

#include "greyd/control/watchers.h"

#include <vector>

#include "greyd/control/record_json.h"

namespace grey {

void Watchers::tell(std::span<const wire::Query> batch, std::span<const Decided> decisions,
                    Seconds now) {
  std::vector<StreamId> written;  // last, as a watcher may go with that
  for (auto& [id, watcher] : watchers_) {
    std::string* const out = out_(id);
    if (out == nullptr) continue;
    const std::size_t before = out->size();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!watcher.filter.matches(batch[i], decisions[i].pool)) continue;
      if (out->size() > kMaxUnread) {
        ++watcher.lost;
        continue;
      }
      if (watcher.lost > 0) JsonLine(*out).number("lost", std::exchange(watcher.lost, 0)).end();
      append_decision_json(*out, batch[i], decisions[i], now);
    }
    if (out->size() != before) written.push_back(id);
  }
  for (const StreamId id : written) written_(id);
}

}  // namespace grey

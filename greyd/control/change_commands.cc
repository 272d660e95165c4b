// The commands that change something.
#include <algorithm>
#include <memory>
#include <utility>

#include "greyd/control/answers.h"
#include "greyd/control/record_json.h"

namespace grey {
namespace {

constexpr int kMostPasses = 5;                            // of a forget
constexpr Seconds kLongest = Seconds{100} * 365 * 86400;  // of an entry's life

}  // namespace

// What goes on to decide for a client, a sender or a recipient that is allowed.
void Commands::add_blocked(JsonLine& line, std::string_view entry) const {
  const Lists& lists = service_.lists();
  line.begin_list("blocked_by");
  for (const AddressList* list : {&lists.blocked, &lists.blacklist}) {
    Matched matched;
    if (const auto address = first_address(entry)) {
      matched = list->find_client(*address);
    } else if (entry.starts_with("to:")) {
      matched = list->find_recipient(entry.substr(3));
    } else {
      matched = entry.find('@') != std::string_view::npos ? list->find_sender(entry)
                                                          : list->find_client_name(entry);
    }
    add_listed(line, matched, list == &lists.blocked ? "block" : "blacklist");
  }
  line.end_list();
}

Commands::Answer Commands::forget(Call& call) {
  const RecordFilter::Wanted wanted = wanted_of(call.request);
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (!wanted.client && !wanted.sender && !wanted.recipient) {
    return refuse({"forget: a client, a sender or a recipient is wanted", kExitMisuse});
  }
  auto filter = RecordFilter::of(wanted, service_.greylist().policy());
  if (!filter) return refuse(filter.error());
  if (!service_.files().journaling()) return refuse(not_on_disk(0, "forgotten"));
  struct Forgetting {
    Greylist::Walk walk;
    RecordFilter filter;
    std::size_t forgotten = 0;
    std::size_t before = 0;  // this pass
    Seconds youngest = 0;    // stamp of what was forgotten
    int passes = 0;
  };
  const auto forgetting =
      std::shared_ptr<Forgetting>(new Forgetting{service_.walk(), std::move(*filter)});
  forgetting->walk.start();
  // Who has given it could know of all that was known here, whatever the clock says.
  const auto told = [sharing = sharing_, wanted, now = call.now, by = call.by](Seconds youngest) {
    if (sharing != nullptr) sharing->forgot(wanted, std::max(now, youngest), by);
  };
  const auto more = [forgetting, told, &service = service_](std::string& out) {
    Forgetting& of = *forgetting;
    const bool left = service.forget(of.walk, kPiece, [&](const SavedRecord& record) {
      const bool goes = of.filter.matches(record);
      if (goes) ++of.forgotten;
      if (goes) of.youngest = std::max(of.youngest, record.seen);
      return goes;
    });
    if (left) return true;
    // What mail has moved meanwhile may have been missed: the last pass finds none, and is not the
    // first.
    ++of.passes;
    if (of.passes < 2 || (of.forgotten != of.before && of.passes < kMostPasses)) {
      of.before = of.forgotten;
      of.walk.start();
      return true;
    }
    told(of.youngest);
    out += service.files().journaling() ? done_line("forgotten", of.forgotten)
                                        : error_line(not_on_disk(of.forgotten, "forgotten"));
    return false;
  };
  return {.more = more};
}

Commands::Answer Commands::put(Call& call, Entry::Kind kind) {
  Request& request = call.request;
  const auto text = request.word("entry");
  const auto life = request.number("for");
  if (auto good = request.end(); !good) return refuse(good.error());
  if (!text) return refuse({request.command() + ": field entry: missing", kExitMisuse});
  if (life && (*life == 0 || *life > kLongest)) {
    return refuse({request.command() + ": for: from 1 second to 100 years", kExitMisuse});
  }
  Entry entry{kind, *text, call.now, {}, call.by};
  if (life) entry.until = call.now + *life;
  const auto change = [entry](Entries& entries) { return entries.put(entry); };
  const auto done = [this, entry, later = std::move(call.later)](const Result<void>& outcome) {
    if (!outcome) return later(error_line(outcome.error()));
    if (sharing_ != nullptr) sharing_->put(entry);
    std::string out;
    JsonLine line(out);
    line.flag("done", true);
    add_entry(line, entry);
    if (entry.kind == Entry::Kind::allow) add_blocked(line, entry.text);
    line.end();
    later(std::move(out));
  };
  service_.entries().change(change, done);
  return {.later = true};
}

Commands::Answer Commands::allow(Call& call) {
  return put(call, Entry::Kind::allow);
}
Commands::Answer Commands::block(Call& call) {
  return put(call, Entry::Kind::block);
}

Commands::Answer Commands::unlist(Call& call) {
  const auto text = call.request.word("entry");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (!text) return refuse({"unlist: field entry: missing", kExitMisuse});
  const auto change = [text = *text](Entries& entries) -> Result<void> {
    const auto removed = entries.remove(text);
    if (!removed) return tl::make_unexpected(removed.error());
    if (*removed) return {};
    return tl::make_unexpected(Error{"no entry made by command: " + to_word(text), kExitNo});
  };
  const auto done = [sharing = sharing_, text = *text, at = call.now, by = call.by,
                     later = std::move(call.later)](const Result<void>& outcome) {
    if (outcome && sharing != nullptr) sharing->removed(text, at, by);
    later(outcome ? done_line("removed", 1) : error_line(outcome.error()));
  };
  service_.entries().change(change, done);
  return {.later = true};
}

}  // namespace grey

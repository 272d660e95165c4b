#include "greyd/control/commands.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "greyd/base/json_line.h"
#include "greyd/control/record_json.h"

namespace grey {
namespace {

constexpr int kMostPasses = 5;                         // of a forget
constexpr Seconds kLongest = Seconds{100} * 365 * 86400;  // of an entry's life

std::string error_line(const Error& error) {
  std::string out;
  JsonLine(out).text("error", error.text).number("exit_code", error.exit_code).end();
  return out;
}

Commands::Answer refuse(const Error& error) {
  return {.lines = error_line(error)};
}

std::string done_line(std::string_view counted, std::size_t count) {
  std::string out;
  JsonLine(out).flag("done", true).number(counted, count).end();
  return out;
}

// What cannot be promised to outlive the daemon is not done, or is said.
Error not_on_disk(std::size_t forgotten) {
  std::string text = "the disk takes no changes: ";
  text += forgotten == 0 ? "nothing is forgotten"
                         : std::to_string(forgotten) +
                               " records are forgotten in memory alone, until the next save";
  return {std::move(text), kExitSystemFailure};
}

// What is asked of records.
RecordFilter::Wanted wanted_of(Request& request) {
  RecordFilter::Wanted wanted;
  wanted.client = request.word("client");
  wanted.sender = request.word("sender");
  wanted.recipient = request.word("recipient");
  wanted.state = request.text("state");
  wanted.since = request.number("since");
  return wanted;
}

// A query's datagram.
std::string datagram_of(std::string_view client, std::string_view name, std::string_view sender,
                        const std::vector<std::string>& recipients) {
  std::string datagram = "I" + std::string(client) + '\0' + 'F' + std::string(sender) + '\0';
  for (const std::string& recipient : recipients) datagram += 'T' + recipient + '\0';
  if (!name.empty()) datagram += 'N' + std::string(name) + '\0';
  return datagram;
}

}  // namespace

struct Commands::Call {
  Request request;
  const std::string& by;
  Seconds now;
  Later later;
};

Commands::Commands(DaemonFacts facts, Service& service, const Counters& counters,
                   Upkeeping upkeeping)
    : facts_(std::move(facts)),
      service_(service),
      counters_(counters),
      upkeeping_(std::move(upkeeping)) {}

Commands::Command Commands::command_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Command>, 15> kCommands = {{
      {"status", &Commands::status},
      {"stats", &Commands::stats},
      {"query", &Commands::query},
      {"list", &Commands::list},
      {"show", &Commands::show},
      {"entries", &Commands::entries},
      {"forget", &Commands::forget},
      {"allow", &Commands::allow},
      {"block", &Commands::block},
      {"unlist", &Commands::unlist},
      {"watch", &Commands::watch},
      {"save", &Commands::save},
      {"expire", &Commands::expire},
      {"reload", &Commands::reload},
      {"check", &Commands::check},
  }};
  for (const auto& [of, command] : kCommands) {
    if (of == name) return command;
  }
  return nullptr;
}

Commands::Answer Commands::begin(std::string_view line, const std::string& by, Seconds now,
                                 Later later) {
  auto request = Request::parse(line);
  if (!request) return refuse(request.error());
  const Command command = command_named(request->command());
  if (command == nullptr) {
    std::string name;
    append_word(name, std::string_view(request->command()).substr(0, 40));
    return refuse({"no such command: " + name, kExitMisuse});
  }
  Call call{std::move(*request), by, now, std::move(later)};
  return (this->*command)(call);
}

// ---- what there is -----------------------------------------------------------------------------

Commands::Answer Commands::status(Call& call) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  Answer answer;
  append_status(answer.lines, facts_, service_, counters_, call.now);
  return answer;
}

Commands::Answer Commands::stats(Call& call) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  Answer answer;
  append_stats(answer.lines, facts_, counters_, call.now);
  return answer;
}

Commands::Answer Commands::listing(RecordFilter filter, std::string begin, std::size_t most) {
  struct Listing {
    Greylist::Walk walk;
    RecordFilter filter;
    std::size_t most;
    std::size_t shown = 0;
  };
  const auto listing =
      std::shared_ptr<Listing>(new Listing{service_.walk(), std::move(filter), most});
  listing->walk.start();
  const Policy& policy = service_.greylist().policy();
  const auto more = [listing, &policy](std::string& out) {
    Listing& of = *listing;
    const bool left = of.walk.visit(kPiece, [&](const SavedRecord& record) {
      if (of.shown == of.most || !of.filter.matches(record)) return;
      append_record_json(out, record, policy);
      ++of.shown;
    });
    if (left && of.shown < of.most) return true;
    JsonLine(out).flag("done", true).number("count", of.shown).flag("more", left).end();
    return false;
  };
  return {.lines = std::move(begin), .more = more};
}

Commands::Answer Commands::list(Call& call) {
  const RecordFilter::Wanted wanted = wanted_of(call.request);
  const auto limit = call.request.number("limit");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  auto filter = RecordFilter::of(wanted, service_.greylist().policy());
  if (!filter) return refuse(filter.error());
  return listing(std::move(*filter), {}, limit ? std::size_t(*limit) : SIZE_MAX);
}

void Commands::add_listed(JsonLine& line, const Matched& matched, std::string_view list) const {
  if (!matched) return;
  const bool allows = list == "allow" || list == "whitelist";
  const Entry* const entry =
      service_.entries().entry_of(allows ? Entry::Kind::allow : Entry::Kind::block, matched);
  line.begin_object();
  add_matched(line, entry == nullptr ? (allows ? "whitelist" : "blacklist") : list, matched, entry);
  line.end_object();
}

// A client's records, and before them the lists that name it.
Commands::Answer Commands::show(Call& call) {
  RecordFilter::Wanted wanted;
  wanted.client = call.request.word("client");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (!wanted.client) return refuse({"show: field client: missing", kExitMisuse});
  auto filter = RecordFilter::of(wanted, service_.greylist().policy());
  if (!filter) return refuse(filter.error());
  std::string begin;
  const auto network = read_network(*wanted.client);
  std::optional<Ip> address = Ip::parse_client(*wanted.client);
  if (!address && network) address = network->address.network(network->prefix);  // its first
  if (address) {
    const Lists& lists = service_.lists();
    JsonLine line(begin);
    line.begin_list("listed");
    add_listed(line, lists.blocked.find_client(*address), "block");
    add_listed(line, lists.blacklist.find_client(*address), "blacklist");
    add_listed(line, lists.allowed.find_client(*address), "allow");
    add_listed(line, lists.whitelist.find_client(*address), "whitelist");
    line.end_list().end();
  }
  return listing(std::move(*filter), std::move(begin), SIZE_MAX);
}

Commands::Answer Commands::entries(Call& call) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  const Entries& entries = service_.entries().entries();
  Answer answer;
  entries.for_each([&](const Entry& entry) {
    JsonLine line(answer.lines);
    line.text("list", entry.kind == Entry::Kind::allow ? "allow" : "block");
    add_entry(line, entry);
    line.end();
  });
  answer.lines += done_line("count", entries.size());
  return answer;
}

// What would be answered, and why.
Commands::Answer Commands::query(Call& call) {
  Request& request = call.request;
  const auto client = request.word("client");
  const auto name = request.word("name");
  const auto sender = request.word("sender");
  const std::vector<std::string> recipients = request.words("recipients");
  if (auto good = request.end(); !good) return refuse(good.error());
  if (!client || !sender) return refuse({"query: client and sender are wanted", kExitMisuse});
  const std::string datagram = datagram_of(*client, name.value_or(""), *sender, recipients);
  wire::Query query;
  if (const auto fault = wire::parse(datagram, query); fault != wire::Fault::none) {
    return refuse({"query: not a query: " + std::string(to_string(fault)), kExitMisuse});
  }
  const Greylist::Peeked peeked = service_.peek(query, call.now);
  const Decided& decided = peeked.decision;
  Answer answer;
  JsonLine line(answer.lines);
  line.flag("done", true).number("now", call.now);
  add_decision(line, decided);
  if (decided.matched) {
    line.begin_list("listed");
    const bool allows = decided.reason == wire::Reason::whitelisted;
    add_listed(line, decided.matched, allows ? "allow" : "block");
    line.end_list();
  }
  if (peeked.client) {
    line.begin_object("client");
    add_stored(line, *peeked.client);
    line.end_object();
  }
  line.begin_list("triplets");
  std::size_t i = 0;
  for (const std::string_view recipient : query.recipients) {
    line.begin_object().word("recipient", recipient);
    if (peeked.triplets[i]) add_stored(line, *peeked.triplets[i]);
    line.end_object();
    ++i;
  }
  line.end_list();
  add_policy(line, service_.greylist().policy());
  line.end();
  return answer;
}

Commands::Answer Commands::watch(Call& call) {
  RecordFilter::Wanted wanted;
  wanted.client = call.request.word("client");
  wanted.sender = call.request.word("sender");
  wanted.recipient = call.request.word("recipient");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  auto filter = RecordFilter::of(wanted, service_.greylist().policy(),
                                 RecordFilter::Of::queries);
  if (!filter) return refuse(filter.error());
  Answer answer;
  JsonLine(answer.lines).flag("watching", true).number("now", call.now).end();
  answer.watch = std::move(*filter);
  return answer;
}

// ---- changes -----------------------------------------------------------------------------------

Commands::Answer Commands::forget(Call& call) {
  const RecordFilter::Wanted wanted = wanted_of(call.request);
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (!wanted.client && !wanted.sender && !wanted.recipient) {
    return refuse({"forget: a client, a sender or a recipient is wanted", kExitMisuse});
  }
  auto filter = RecordFilter::of(wanted, service_.greylist().policy());
  if (!filter) return refuse(filter.error());
  if (!service_.files().journaling()) return refuse(not_on_disk(0));
  struct Forgetting {
    Greylist::Walk walk;
    RecordFilter filter;
    std::size_t forgotten = 0;
    std::size_t before = 0;  // this pass
    int passes = 0;
  };
  const auto forgetting =
      std::shared_ptr<Forgetting>(new Forgetting{service_.walk(), std::move(*filter)});
  forgetting->walk.start();
  const auto more = [forgetting, &service = service_](std::string& out) {
    Forgetting& of = *forgetting;
    const bool left = service.forget(of.walk, kPiece, [&](const SavedRecord& record) {
      const bool goes = of.filter.matches(record);
      if (goes) ++of.forgotten;
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
    out += service.files().journaling() ? done_line("forgotten", of.forgotten)
                                        : error_line(not_on_disk(of.forgotten));
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
  const auto done = [entry, later = std::move(call.later)](const Result<void>& outcome) {
    if (!outcome) return later(error_line(outcome.error()));
    std::string out;
    JsonLine line(out);
    line.flag("done", true);
    add_entry(line, entry);
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
    std::string shown;
    append_word(shown, text);
    return tl::make_unexpected(Error{"no entry made by command: " + shown, kExitNo});
  };
  const auto done = [later = std::move(call.later)](const Result<void>& outcome) {
    later(outcome ? done_line("removed", 1) : error_line(outcome.error()));
  };
  service_.entries().change(change, done);
  return {.later = true};
}

// ---- upkeep ------------------------------------------------------------------------------------

Commands::Answer Commands::upkeep(Call& call, const std::function<void(Upkeeping::Done)>& what,
                                  std::string_view counted) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  what([later = std::move(call.later), counted](const Result<std::size_t>& outcome) {
    later(outcome ? done_line(counted, *outcome) : error_line(outcome.error()));
  });
  return {.later = true};
}

Commands::Answer Commands::save(Call& call) {
  return upkeep(call, upkeeping_.save, "records");
}
Commands::Answer Commands::expire(Call& call) {
  return upkeep(call, upkeeping_.expire, "expired");
}
Commands::Answer Commands::reload(Call& call) {
  return upkeep(call, upkeeping_.reload, "entries");
}
// What a reload would say.
Commands::Answer Commands::check(Call& call) {
  return upkeep(
      call, [this](Upkeeping::Done done) { service_.start_check(std::move(done)); }, "entries");
}

}  // namespace grey

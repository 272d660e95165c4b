#include "greyd/control/commands.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "greyd/base/json_line.h"
#include "greyd/control/answers.h"
#include "greyd/control/record_json.h"

namespace grey {
namespace {

// A query's datagram.
std::string datagram_of(std::string_view client, std::string_view name,
                        const std::optional<std::string>& helo, std::string_view sender,
                        const std::vector<std::string>& recipients) {
  std::string datagram = "I" + std::string(client) + '\0' + 'F' + std::string(sender) + '\0';
  for (const std::string& recipient : recipients) datagram += 'T' + recipient + '\0';
  if (!name.empty()) datagram += 'N' + std::string(name) + '\0';
  if (helo) datagram += 'H' + *helo + '\0';
  return datagram;
}

// What is stored of the client, and of the triplet of each recipient, with what `more(number)`
// adds.
template <typename Stored, typename More>
void add_all_stored(JsonLine& line, const Stored& stored, const wire::Query& query, More more) {
  if (stored.client) {
    line.begin_object("client");
    add_stored(line, *stored.client);
    line.end_object();
  }
  line.begin_list("triplets");
  std::size_t i = 0;
  for (const std::string_view recipient : query.recipients) {
    line.begin_object().word("recipient", recipient);
    if (stored.triplets[i]) add_stored(line, *stored.triplets[i]);
    more(i);
    line.end_object();
    ++i;
  }
  line.end_list();
}

void add_pools(JsonLine& line, const Greylist::Peeked& peeked, const wire::Query& query) {
  line.begin_list("pools");
  for (const Greylist::Peeked::Pool& pool : peeked.pools) {
    line.begin_object().text("pool", pool.name);
    add_all_stored(line, pool, query, [](std::size_t) {});
    line.end_object();
  }
  line.end_list();
}

constexpr std::size_t kTotalsPiece = 65536;  // octets

}  // namespace

Commands::Commands(DaemonFacts facts, Service& service, const Counters& counters,
                   Upkeeping upkeeping, Sharing* sharing, Lookups* lookups)
    : facts_(std::move(facts)),
      service_(service),
      counters_(counters),
      upkeeping_(std::move(upkeeping)),
      sharing_(sharing),
      lookups_(lookups) {}

Commands::Command Commands::command_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Command>, 18> kCommands = {{
      {"status", &Commands::status},
      {"stats", &Commands::stats},
      {"totals", &Commands::totals},
      {"query", &Commands::query},
      {"list", &Commands::list},
      {"show", &Commands::show},
      {"entries", &Commands::entries},
      {"networks", &Commands::networks},
      {"forget", &Commands::forget},
      {"allow", &Commands::allow},
      {"block", &Commands::block},
      {"unlist", &Commands::unlist},
      {"import", &Commands::import},
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
    const std::string name = to_word(std::string_view(request->command()).substr(0, 40));
    return refuse({"no such command: " + name, kExitMisuse});
  }
  Call call{std::move(*request), by, now, std::move(later)};
  return (this->*command)(call);
}

// ---- what there is -----------------------------------------------------------------------------

Commands::Answer Commands::status(Call& call) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  Answer answer;
  append_status(answer.lines, facts_, service_, counters_, {sharing_, lookups_}, call.now);
  return answer;
}

Commands::Answer Commands::stats(Call& call) {
  if (auto good = call.request.end(); !good) return refuse(good.error());
  Answer answer;
  append_stats(answer.lines, facts_, counters_, {sharing_, lookups_}, call.now);
  return answer;
}

// Hours that do not change any more are sent in pieces.
Commands::Answer Commands::totals(Call& call) {
  const auto since = call.request.number("since");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  auto lines =
      std::make_shared<TotalsKeeper::Lines>(service_.totals().lines(since.value_or(0), call.now));
  const auto more = [lines, now = call.now](std::string& out) {
    const std::string_view older = std::string_view(*lines->older).substr(lines->older_from);
    if (older.size() > kTotalsPiece) {
      const std::size_t size = older.find('\n', kTotalsPiece) + 1;
      out += older.substr(0, size);
      lines->older_from += size;
      return true;
    }
    out.append(older).append(lines->recent);
    JsonLine(out).flag("done", true).number("now", now).number("from", lines->from).end();
    return false;
  };
  return {.lines = {}, .more = more};
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
  if (const auto address = first_address(*wanted.client)) {
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
  // Those that there are at each piece.
  const auto more = [this, last = std::string(), count = std::size_t(0)](std::string& out) mutable {
    last = service_.entries().entries().for_some(last, kPiece, [&](const Entry& entry) {
      JsonLine line(out);
      line.text("list", entry.kind == Entry::Kind::allow ? "allow" : "block");
      add_entry(line, entry);
      line.end();
      ++count;
    });
    if (last.empty()) out += done_line("count", count);
    return !last.empty();
  };
  return {.more = more};
}

// What would be answered, and why.
Commands::Answer Commands::query(Call& call) {
  Request& request = call.request;
  const auto client = request.word("client");
  const auto name = request.word("name");
  const auto helo = request.word("helo");
  const auto sender = request.word("sender");
  const std::vector<std::string> recipients = request.words("recipients");
  if (auto good = request.end(); !good) return refuse(good.error());
  if (!client || !sender) return refuse({"query: client and sender are wanted", kExitMisuse});
  const std::string datagram = datagram_of(*client, name.value_or(""), helo, *sender, recipients);
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
  add_rule(line, decided.rule);
  add_all_stored(line, peeked, query, [&](std::size_t i) {
    add_rule(line, peeked.rules[i]);
    if (peeked.sent[i]) line.number("sent_at", peeked.sent[i]->seen);
  });
  if (!peeked.pools.empty()) add_pools(line, peeked, query);
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
  auto filter = RecordFilter::of(wanted, service_.greylist().policy(), RecordFilter::Of::queries);
  if (!filter) return refuse(filter.error());
  Answer answer;
  JsonLine(answer.lines).flag("watching", true).number("now", call.now).end();
  answer.watch = std::move(*filter);
  return answer;
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
  const auto look = [this](Upkeeping::Done done) {
    service_.start_check([this, done = std::move(done)](const Result<std::size_t>& entries) {
      if (!entries || facts_.keys == nullptr) return done(entries);
      facts_.keys->start_check(
          [entries, done](const Result<std::size_t>& keys) { done(keys ? entries : keys); });
    });
  };
  return upkeep(call, look, "entries");
}

}  // namespace grey

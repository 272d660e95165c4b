// What is known of domains' networks.
#include <utility>

#include "greyd/control/answers.h"
#include "greyd/spf/dns_data.h"

namespace grey {
namespace {

void add_networks(JsonLine& line, const std::vector<Network>& networks) {
  line.begin_list("networks");
  for (const Network& network : networks) line.text({}, to_string(network));
  line.end_list();
}

void add_end(JsonLine& line, spf::Ended ended) {
  line.text("end", to_string(ended)).text("means", meaning_of(ended));
}

// What the cache has.
void add_known(JsonLine& line, const NetworkCache::Known& known) {
  std::vector<Network> networks;
  known.set().for_each_network([&](const Network& network) { networks.push_back(network); });
  add_end(line, known.ended);
  line.number("since", known.since).number("until", known.until);
  add_networks(line, networks);
}

// Of one that a list names.
void add_standing(std::string& out, const ListedNetworks::Standing& standing) {
  JsonLine line(out);
  line.text("listed", standing.domain);
  if (standing.known != nullptr) {
    add_end(line, standing.known->flattened.ended);
    line.number("since", standing.known->since);
    line.number("until", standing.known->since + standing.known->flattened.ttl);
    add_networks(line, standing.known->flattened.networks);
  } else if (standing.last) {
    add_end(line, *standing.last);
  } else {
    line.text("end", "unasked").text("means", "no answer has come yet");
  }
  line.end();
}

}  // namespace

// In the order of their names; those that there are at each piece. One may have as many networks as
// there are records in a piece of others.
Commands::Answer Commands::listed_networks() {
  constexpr std::size_t kFew = 4;
  const auto more = [this, last = std::string(), count = std::size_t(0)](std::string& out) mutable {
    const auto some = service_.networks().standing(last, kFew);
    for (const ListedNetworks::Standing& standing : some) add_standing(out, standing);
    count += some.size();
    if (some.empty()) {
      out += done_line("count", count);
      return false;
    }
    last = some.back().domain;
    return true;
  };
  return {.more = more};
}

// Of a domain: what is known, or else what the DNS says, in a while. Without one: of each that a
// list names, a line.
Commands::Answer Commands::networks(Call& call) {
  const auto domain = call.request.word("domain");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (!domain) return listed_networks();
  const auto name = spf::read_name(*domain);
  if (!name)
    return refuse({"networks: not a domain: " + to_word(domain->substr(0, 300)), kExitMisuse});
  if (lookups_ == nullptr) return refuse({"networks: there are no look-ups", kExitSystemFailure});
  Answer answer;
  if (const auto* const known = lookups_->known(*name, call.now)) {
    JsonLine line(answer.lines);
    line.flag("done", true).text("domain", *name).number("now", call.now);
    add_known(line, *known);
    line.end();
    return answer;
  }
  lookups_->ask(*name, [name = *name, now = call.now,
                        later = std::move(call.later)](const spf::Flattened& flattened) {
    std::string out;
    JsonLine line(out);
    line.flag("done", true).text("domain", name).number("now", now);
    add_end(line, flattened.ended);
    if (flattened.ended != spf::Ended::temporary) line.number("until", now + flattened.ttl);
    add_networks(line, flattened.networks);
    line.end();
    later(std::move(out));
  });
  return {.later = true};
}

}  // namespace grey

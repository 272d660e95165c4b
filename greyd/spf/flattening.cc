#include "greyd/spf/flattening.h"

#include <algorithm>
#include <array>
#include <utility>

#include "greyd/lists/ip_number.h"

namespace grey::spf {
namespace {

struct End {
  std::string_view name, meaning;
};
constexpr std::array<End, kEnds> kEndTexts = {{
    {"whole", "its SPF record has been read"},
    {"no-record", "it has no SPF record"},
    {"temporary", "the DNS gave no answer"},
    {"not-a-domain", "it is no domain's name"},
    {"several-records", "it has several SPF records, or one that it includes has"},
    {"bad-record", "its SPF record, or one that it includes, has an error"},
    {"missing-record", "its SPF record includes a domain without one"},
    {"too-many-terms", "its SPF record needs more than 10 look-ups"},
    {"too-many-void", "its SPF record has more than 2 names that are not there"},
    {"too-many-hosts",
     "its SPF record names more than 20 mail exchangers, or more than 10 of one domain"},
    {"too-many-networks", "its SPF record has more than 256 networks"},
}};

const Network& all_of_v4() {
  static const Network network{Ip::from_v4(0), Ip::kV4Bits};
  return network;
}

// Of IPv6, and holds IPv4's: it would be of both.
bool holds_v4(const Network& network) {
  return network.prefix < Ip::kV4Bits && network.contains(all_of_v4().address);
}

Network network_of(std::uint32_t first, unsigned prefix) {
  return {Ip::from_v4(first), Ip::kV4Bits + prefix};
}
Network network_of(WideNumber first, unsigned prefix) {
  return {v6_from_number(first), prefix};
}

// As networks, none wider than `widest`: two that lie side by side are still two. False when there
// is no room for all of them.
template <typename Number>
bool append_networks(std::vector<Network>& networks, const Ranges<Number>& ranges,
                     unsigned widest) {
  constexpr unsigned kBits = sizeof(Number) * 8;
  bool all = true;
  for (const auto& range : ranges.all()) {
    cut_into_networks(range.first, range.last, [&](Number first, unsigned prefix) {
      const unsigned narrow = std::max(prefix, widest);
      const Number step = Number{1} << (kBits - narrow);
      for (Number left = Number{1} << (narrow - prefix); left > 0; --left, first += step) {
        if (networks.size() == kMaxNetworks) {
          all = false;
          return;
        }
        networks.push_back(network_of(first, narrow));
      }
    });
  }
  return all;
}

}  // namespace

std::string_view to_string(Ended ended) {
  return kEndTexts[std::size_t(ended)].name;
}
std::string_view meaning_of(Ended ended) {
  return kEndTexts[std::size_t(ended)].meaning;
}
std::optional<Ended> ended_named(std::string_view name) {
  const auto* const at = std::ranges::find(kEndTexts, name, &End::name);
  if (at == kEndTexts.end()) return std::nullopt;
  return Ended(at - kEndTexts.begin());
}

bool is_fit(const Network& network) {
  if (network.prefix > 128 || network.address.network(network.prefix) != network.address) {
    return false;
  }
  if (network.address.is_v4()) return network.prefix >= kWidestV4;
  return network.prefix >= kWidestV6 && !holds_v4(network);
}

Flattening::Flattening(std::string_view domain) {
  const auto name = read_name(domain);
  if (!name) {
    end(Ended::not_a_domain);
    return;
  }
  entering_ = *name;
  ask(For::record, {{*name, Type::txt}});
}

// ---- questions ---------------------------------------------------------------------------------

void Flattening::ask(For what, std::vector<Question> questions) {
  for_ = what;
  questions_ = std::move(questions);
  answers_.assign(questions_.size(), std::nullopt);
  missing_ = questions_.size();
}

void Flattening::answer(std::size_t i, const Answer& answer) {
  if (done() || i >= answers_.size() || answers_[i]) return;
  answers_[i] = answer;
  if (--missing_ == 0) on_wave();
}

void Flattening::on_wave() {
  for (const auto& answer : answers_) {
    if (answer->kind == Answer::Kind::temporary) return end(Ended::temporary);
    ttl_ = std::min(ttl_, answer->ttl);
  }
  switch (for_) {
    case For::record:
      return on_record();
    case For::addresses:
    case For::host_addresses:
      return on_addresses();
    case For::hosts:
      return on_hosts();
  }
}

std::vector<std::string> Flattening::data_of(Type type) const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    if (questions_[i].type != type || answers_[i]->kind != Answer::Kind::found) continue;
    all.insert(all.end(), answers_[i]->data.begin(), answers_[i]->data.end());
  }
  return all;
}

void Flattening::on_record() {
  std::optional<std::string> found;
  for (const std::string& data : data_of(Type::txt)) {
    auto text = read_txt(data);
    if (!text || !is_record(*text)) continue;
    if (found) return end(Ended::several_records);
    found = std::move(text);
  }
  if (!found) return end(frames_.empty() ? Ended::no_record : Ended::missing_record);
  auto record = read_record(*found);
  if (!record) return end(Ended::bad_record);
  Frame frame;
  frame.record = std::move(*record);
  frame.domain = entering_;
  frame.passes = entering_passes_;
  frames_.push_back(std::move(frame));
  read_on();
}

void Flattening::on_addresses() {
  AddressRanges ranges;
  const auto add_one = [&](const Ip& ip, unsigned prefix) {
    const Network network{ip.network(prefix), prefix};
    // What is not taken takes nothing from others, either; what is denied does.
    if (is_fit(network) || (!asking_.passes && !holds_v4(network))) ranges.add(network);
  };
  for (const std::string& data : data_of(Type::a)) {
    if (const auto ip = read_a(data)) add_one(*ip, Ip::kV4Bits + asking_.v4_prefix);
  }
  for (const std::string& data : data_of(Type::aaaa)) {
    if (const auto ip = read_aaaa(data)) add_one(*ip, asking_.v6_prefix);
  }
  const bool is_void = std::ranges::none_of(
      answers_, [](const auto& answer) { return answer->kind == Answer::Kind::found; });
  if (is_void && for_ == For::addresses && ++void_ > kMaxVoid) return end(Ended::too_many_void);
  add(asking_.passes, ranges);
  read_on();
}

void Flattening::on_hosts() {
  std::vector<Question> questions;
  const auto hosts = data_of(Type::mx);
  if (hosts.empty() && ++void_ > kMaxVoid) return end(Ended::too_many_void);
  hosts_ += hosts.size();
  if (hosts.size() > kMaxHosts || hosts_ > kMaxHostsOfAll) return end(Ended::too_many_hosts);
  for (const std::string& data : hosts) {
    const auto name = read_mx(data);
    if (!name || name->empty()) continue;
    questions.push_back({*name, Type::a});
    questions.push_back({*name, Type::aaaa});
  }
  if (questions.empty()) return read_on();
  ask(For::host_addresses, std::move(questions));
}

// ---- terms -------------------------------------------------------------------------------------

// From the next term on, until something is to be asked, or it is over.
void Flattening::read_on() {
  questions_.clear();
  for (;;) {
    if (done() || !questions_.empty()) return;
    Frame& frame = frames_.back();
    if (frame.passed.size() > kMaxNetworks) return end(Ended::too_many_networks);
    if (frame.next < frame.record.terms.size()) {
      const Term term = frame.record.terms[frame.next++];
      if (!read_term(term)) return;
      continue;
    }
    if (!frame.record.redirect.empty()) return read_redirect();
    if (frames_.size() == 1) return end(Ended::whole);
    leave();
  }
}

bool Flattening::count_term() {
  if (++terms_ <= kMaxTerms) return true;
  end(Ended::too_many_terms);
  return false;
}

// False: it is not to be read on from here.
bool Flattening::read_term(const Term& term) {
  Frame& frame = frames_.back();
  const std::string& domain = term.domain.empty() ? frame.domain : term.domain;
  switch (term.mechanism) {
    case Mechanism::all:
      frame.stop();
      return true;
    case Mechanism::ip4_ip6:
      if (is_fit(term.network) || (!term.passes && !holds_v4(term.network))) {
        AddressRanges ranges;
        ranges.add(term.network);
        add(term.passes, ranges);
      }
      return true;
    case Mechanism::uncertain:
      if (!count_term()) return false;
      frame.unsure = true;
      // Whom it denies is not passed by what follows.
      if (!term.passes) frame.stop();
      return true;
    case Mechanism::include:
      if (!count_term()) return false;
      entering_ = domain;
      entering_passes_ = term.passes;
      ask(For::record, {{domain, Type::txt}});
      return false;
    case Mechanism::a:
      if (!count_term()) return false;
      asking_ = term;
      ask(For::addresses, {{domain, Type::a}, {domain, Type::aaaa}});
      return false;
    case Mechanism::mx:
      if (!count_term()) return false;
      asking_ = term;
      ask(For::hosts, {{domain, Type::mx}});
      return false;
  }
  return true;
}

void Flattening::read_redirect() {
  if (!count_term()) return;
  entering_ = std::exchange(frames_.back().record.redirect, {});
  entering_passes_ = true;
  ask(For::record, {{entering_, Type::txt}});
}

void Flattening::add(bool passes, const AddressRanges& ranges) {
  Frame& frame = frames_.back();
  if (passes) frame.passed.add(ranges.without(frame.decided));
  frame.decided.add(ranges);
}

// Back to the record that includes this one.
void Flattening::leave() {
  const Frame inner = std::move(frames_.back());
  frames_.pop_back();
  add(inner.passes, inner.passed);
  if (inner.unsure && !inner.passes) frames_.back().stop();  // as there
}

// ---- the end -----------------------------------------------------------------------------------

void Flattening::end(Ended ended) {
  questions_.clear();
  Flattened result;
  result.ended = ended;
  result.ttl = std::clamp(ttl_, kLeastTtl, kMostTtl);
  if (ended == Ended::not_a_domain) result.ttl = kMostTtl;
  if (ended != Ended::temporary && !frames_.empty()) {
    while (frames_.size() > 1) leave();
    const AddressRanges& passed = frames_.back().passed;
    const bool all = append_networks(result.networks, passed.v4, kWidestV4 - Ip::kV4Bits) &&
                     append_networks(result.networks, passed.v6, kWidestV6);
    if (!all) result.ended = Ended::too_many_networks;
  }
  frames_.clear();
  result_ = std::move(result);
}

}  // namespace grey::spf

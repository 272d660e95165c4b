#include "greyd/lists/rule_keys.h"

#include <algorithm>
#include <cstring>

#include "greyd/lists/domain_name.h"
#include "greyd/lists/mailbox.h"

namespace grey {
namespace {

// Nothing that is asked about is ever stored, so nobody can fill the index; and who chose the rules
// chooses how well they hash.
constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t hash) {
  hash *= kFactor;
  return hash ^ hash >> 32;
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = text.size();
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    hash = mixed(hash ^ word);
    text.remove_prefix(size);
  }
  return hash;
}

// "@", of all users.
const RulePiece& no_local() {
  static const RulePiece piece("@");
  return piece;
}

void put_network(const Network& network, char* out) {
  out[0] = char(network.prefix);
  std::ranges::copy(network.address.bytes(), out + 1);
}

// The labels of the domains that a `below` names: of ".example.com" two.
std::size_t labels_of(const RuleKey& key) {
  return std::size_t(std::ranges::count(key.kind == RuleKind::name ? key.head : key.tail, '.'));
}

}  // namespace

RulePiece::RulePiece(std::string_view of) : text(of), hash(hash_of(of)) {}

RuleKey::RuleKey(RuleKind of, RuleForm as, const RulePiece& begin, const RulePiece& rest)
    : kind(of),
      form(as),
      head(begin.text),
      tail(rest.text),
      hash(std::uint32_t(mixed(mixed(begin.hash ^ bit()) ^ rest.hash))) {}

RuleKey rule_key(RuleKind kind, RuleForm form, std::string_view text) {
  const bool is_mailbox = kind == RuleKind::sender || kind == RuleKind::recipient;
  const std::size_t cut = is_mailbox ? text.rfind('@') + 1 : text.size();
  const std::string_view domain = text.substr(cut);
  return {kind, form, RulePiece(text.substr(0, cut)),
          domain.empty() ? RulePiece() : RulePiece(domain)};
}

std::string network_key(const Network& network) {
  std::string text(17, '\0');
  put_network(network, text.data());
  return text;
}

Network network_of(std::string_view key) {
  std::array<std::uint8_t, 16> bytes;
  std::copy_n(key.begin() + 1, bytes.size(), bytes.begin());
  return {Ip(bytes), static_cast<std::uint8_t>(key[0])};
}

// ---- RuleShapes --------------------------------------------------------------------------------

void RuleShapes::add(const RuleKey& key) {
  bits |= key.bit();
  if (key.form == RuleForm::network) {
    const Network network = network_of(key.head);
    auto& prefixes = network.address.is_v4() ? v4_prefixes : v6_prefixes;
    const auto at = std::ranges::lower_bound(prefixes, network.prefix);
    if (at == prefixes.end() || *at != network.prefix) {
      prefixes.insert(at, std::uint8_t(network.prefix));
    }
  } else if (key.form == RuleForm::below || key.form == RuleForm::local_below) {
    auto& most = labels[std::size_t(key.kind)];
    most = std::max(most, labels_of(key));
  }
}

bool RuleShapes::has(RuleKind kind) const {
  constexpr std::uint32_t kAll = (1u << kRuleForms) - 1;
  return (bits & kAll << (std::size_t(kind) * kRuleForms)) != 0;
}

// ---- RuleKeys ----------------------------------------------------------------------------------

void RuleKeys::begin() {
  keys_.clear();
  networks_.clear();
}

void RuleKeys::add_networks(const Ip& ip, unsigned longest, const RuleShapes& shapes) {
  // Keys view the texts, which must stay where they are.
  networks_.reserve(shapes.v4_prefixes.size() + shapes.v6_prefixes.size());
  for (const unsigned prefix : ip.is_v4() ? shapes.v4_prefixes : shapes.v6_prefixes) {
    if (prefix > longest) break;
    NetworkText& text = networks_.emplace_back();
    put_network({ip.network(prefix), prefix}, text.data());
    keys_.emplace_back(RuleKind::address, RuleForm::network, RulePiece({text.data(), text.size()}));
  }
}

void RuleKeys::of_name(std::string_view name, const RuleShapes& shapes) {
  begin();
  if (name.empty() || !shapes.has(RuleKind::name)) return;
  if (name.size() > kMaxDomain + 1) return;  // the one octet: a dot at the end
  folded_ = fold_domain(name);
  const std::string_view folded = folded_;
  if (!is_domain_name(folded) || folded.find('.') == std::string_view::npos) return;
  add(shapes, RuleKind::name, RuleForm::whole, RulePiece(folded));
  add_names_above(folded.substr(folded.find('.')), shapes);
}

// `name` begins with a dot: it, and what is above it.
void RuleKeys::add_names_above(std::string_view name, const RuleShapes& shapes) {
  auto labels = std::size_t(std::ranges::count(name, '.'));
  for (; labels > 0; --labels) {
    if (labels <= shapes.labels[std::size_t(RuleKind::name)]) {
      add(shapes, RuleKind::name, RuleForm::below, RulePiece(name));
    }
    name.remove_prefix(std::min(name.find('.', 1), name.size()));
  }
}

void RuleKeys::of_mailbox(RuleKind kind, std::string_view address, const RuleShapes& shapes) {
  begin();
  if (address.empty() || !shapes.has(kind)) return;
  folded_.clear();
  const std::size_t at = append_folded_mailbox(folded_, address);
  const std::string_view domain = std::string_view(folded_).substr(at + 1);
  const RulePiece local(std::string_view(folded_).substr(0, at + 1));
  add(shapes, kind, RuleForm::local, local);
  if (domain.empty()) return;
  const RulePiece whole_domain(domain);
  add(shapes, kind, RuleForm::whole, local, whole_domain);
  add(shapes, kind, RuleForm::domain, no_local(), whole_domain);
  add_mailboxes_above(kind, local, domain, shapes);
}

// The domains that `domain` is below, the shortest first, as far as there are entries. `local`:
// with its "@"; of all users if that is all.
void RuleKeys::add_mailboxes_above(RuleKind kind, const RulePiece& local, std::string_view domain,
                                   const RuleShapes& shapes) {
  std::size_t dot = domain.size();
  for (std::size_t labels = shapes.labels[std::size_t(kind)]; labels > 0 && dot > 0; --labels) {
    dot = domain.rfind('.', dot - 1);
    if (dot == std::string_view::npos || dot == 0 || domain.size() - dot > kMaxMailbox) return;
    const RulePiece above(domain.substr(dot));
    add(shapes, kind, RuleForm::below, no_local(), above);
    if (local.text != "@") add(shapes, kind, RuleForm::local_below, local, above);
  }
}

void RuleKeys::that_hold(const RuleKey& key, const RuleShapes& shapes) {
  begin();
  if (key.kind == RuleKind::address) {
    const Network network = network_of(key.head);
    return add_networks(network.address, network.prefix, shapes);
  }
  if ((shapes.bits & key.bit()) != 0) keys_.push_back(key);
  if (key.kind == RuleKind::name) {
    const bool below = key.form == RuleForm::below;
    const std::size_t dot = key.head.find('.', below ? 1 : 0);
    if (dot != std::string_view::npos) add_names_above(key.head.substr(dot), shapes);
    return;
  }
  if (key.form == RuleForm::local) return;
  const RulePiece local(key.head), domain(key.tail);
  if (local.text != "@") add(shapes, key.kind, RuleForm::local, local);
  if (key.form == RuleForm::whole) add(shapes, key.kind, RuleForm::domain, no_local(), domain);
  if (key.form == RuleForm::local_below) {
    add(shapes, key.kind, RuleForm::below, no_local(), domain);
  }
  // What is below a domain is below those above it. (A dot in front of all is no domain above.)
  add_mailboxes_above(key.kind, local, domain.text, shapes);
}

}  // namespace grey

#include "greyd/lists/rule_keys.h"

#include <algorithm>
#include <utility>

#include "greyd/lists/domain_name.h"
#include "greyd/lists/mailbox.h"

namespace grey {
namespace {

// FNV-1a. Nothing that is asked about is ever stored, so that nobody can fill the index; and who
// chose the rules chooses how well they hash.
constexpr std::uint32_t kHashStart = 2166136261, kHashFactor = 16777619;

void put_network(const Network& network, char* out) {
  out[0] = char(network.prefix);
  std::ranges::copy(network.address.bytes(), out + 1);
}

// The labels of the domains that a `below` names: of ".example.com" two.
std::size_t labels_of(const RuleKey& key) {
  const std::string_view domain = key.head.substr(key.head.rfind('@') + 1);
  return std::size_t(std::ranges::count(domain, '.'));
}

}  // namespace

RuleKey::RuleKey(RuleKind of, RuleForm as, std::string_view begin, std::string_view rest)
    : kind(of), form(as), head(begin), tail(rest), hash(kHashStart ^ bit()) {
  for (const std::string_view part : {head, tail}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * kHashFactor;
  }
}

std::string network_key(const Network& network) {
  std::string text(17, '\0');
  put_network(network, text.data());
  return text;
}

// ---- RuleShapes --------------------------------------------------------------------------------

void RuleShapes::add(const RuleKey& key) {
  bits |= key.bit();
  if (key.form == RuleForm::network) {
    const auto prefix = static_cast<std::uint8_t>(key.head[0]);
    std::array<std::uint8_t, 16> bytes;
    std::copy_n(key.head.begin() + 1, bytes.size(), bytes.begin());
    auto& prefixes = prefix >= Ip::kV4Bits && Ip(bytes).is_v4() ? v4_prefixes : v6_prefixes;
    const auto at = std::ranges::lower_bound(prefixes, prefix);
    if (at == prefixes.end() || *at != prefix) prefixes.insert(at, prefix);
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

void RuleKeys::of_address(const Ip& ip, const RuleShapes& shapes) {
  begin();
  if (!shapes.has(RuleKind::address)) return;
  add_networks(ip, 128, shapes);
  if (const auto host = ip.translated()) add_networks(*host, 128, shapes);
}

void RuleKeys::add_networks(const Ip& ip, unsigned longest, const RuleShapes& shapes) {
  // Keys view the texts, which must stay where they are: there is room for a second address's.
  networks_.reserve(2 * (shapes.v4_prefixes.size() + shapes.v6_prefixes.size()));
  for (const unsigned prefix : ip.is_v4() ? shapes.v4_prefixes : shapes.v6_prefixes) {
    if (prefix > longest) break;
    NetworkText& text = networks_.emplace_back();
    put_network({ip.network(prefix), prefix}, text.data());
    keys_.emplace_back(RuleKind::address, RuleForm::network,
                       std::string_view(text.data(), text.size()));
  }
}

void RuleKeys::of_name(std::string_view name, const RuleShapes& shapes) {
  begin();
  if (name.empty() || !shapes.has(RuleKind::name)) return;
  if (name.size() > kMaxDomain + 1) return;  // the one octet: a dot at the end
  folded_ = fold_domain(name);
  const std::string_view folded = folded_;
  if (!is_domain_name(folded) || folded.find('.') == std::string_view::npos) return;
  add(shapes, RuleKind::name, RuleForm::whole, folded);
  add_names_above(folded.substr(folded.find('.')), shapes);
}

// `name` begins with a dot: it, and what is above it.
void RuleKeys::add_names_above(std::string_view name, const RuleShapes& shapes) {
  auto labels = std::size_t(std::ranges::count(name, '.'));
  for (; labels > 0; --labels) {
    if (labels <= shapes.labels[std::size_t(RuleKind::name)]) {
      add(shapes, RuleKind::name, RuleForm::below, name);
    }
    name.remove_prefix(std::min(name.find('.', 1), name.size()));
  }
}

void RuleKeys::of_mailbox(RuleKind kind, std::string_view address, const RuleShapes& shapes) {
  begin();
  if (address.empty() || !shapes.has(kind)) return;
  Mailbox mailbox = fold_mailbox(address);
  folded_ = std::move(mailbox.text);
  const std::string_view text = folded_, domain = text.substr(mailbox.at + 1);
  const std::string_view local = text.substr(0, mailbox.at + 1);
  if (!domain.empty()) add(shapes, kind, RuleForm::whole, text);
  add(shapes, kind, RuleForm::local, local);
  if (domain.empty()) return;
  add(shapes, kind, RuleForm::domain, text.substr(mailbox.at));
  add_mailboxes_above(kind, local, domain, shapes);
}

// The domains that `domain` is below, the shortest first, as far as there are entries. `local`:
// with its "@"; of all users if that is all.
void RuleKeys::add_mailboxes_above(RuleKind kind, std::string_view local, std::string_view domain,
                                   const RuleShapes& shapes) {
  std::size_t dot = domain.size();
  for (std::size_t labels = shapes.labels[std::size_t(kind)]; labels > 0 && dot > 0; --labels) {
    dot = domain.rfind('.', dot - 1);
    if (dot == std::string_view::npos || dot == 0 || domain.size() - dot > kMaxMailbox) return;
    add(shapes, kind, RuleForm::below, "@", domain.substr(dot));
    if (local != "@") add(shapes, kind, RuleForm::local_below, local, domain.substr(dot));
  }
}

void RuleKeys::that_hold(const RuleKey& key, const RuleShapes& shapes) {
  begin();
  const std::string_view text = key.head;
  if (key.kind == RuleKind::address) {
    std::array<std::uint8_t, 16> bytes;
    std::copy_n(text.begin() + 1, bytes.size(), bytes.begin());
    return add_networks(Ip(bytes), static_cast<std::uint8_t>(text[0]), shapes);
  }
  add(shapes, key.kind, key.form, text);
  if (key.kind == RuleKind::name) {
    const bool below = key.form == RuleForm::below;
    const std::size_t dot = text.find('.', below ? 1 : 0);
    if (dot != std::string_view::npos) add_names_above(text.substr(dot), shapes);
    return;
  }
  const std::size_t at = text.rfind('@');
  const std::string_view local = text.substr(0, at + 1), domain = text.substr(at + 1);
  const bool has_user = local != "@";
  if (key.form == RuleForm::local) return;
  if (has_user) add(shapes, key.kind, RuleForm::local, local);
  if (key.form == RuleForm::whole) {
    add(shapes, key.kind, RuleForm::domain, text.substr(at));
  }
  if (key.form == RuleForm::local_below) add(shapes, key.kind, RuleForm::below, "@", domain);
  // What is below a domain is below those above it. (A dot in front of all is no domain above.)
  add_mailboxes_above(key.kind, local, domain, shapes);
}

}  // namespace grey

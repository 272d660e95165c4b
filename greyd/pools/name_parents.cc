#include "greyd/pools/name_parents.h"

#include <libpsl.h>

#include <array>
#include <cstddef>

#include "greyd/core/address_name.h"
#include "greyd/wire/dns_domain.h"

namespace grey {
namespace {

// What stands for a character in a host's name: itself, in lower case; 0 for what is in none.
constexpr std::array<char, 256> folded_characters() {
  std::array<char, 256> folded{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-_.")) {
    folded[static_cast<unsigned char>(c)] = c;
    if (c >= 'a' && c <= 'z') folded[static_cast<unsigned char>(c - 'a' + 'A')] = c;
  }
  return folded;
}
constexpr std::array<char, 256> kFolded = folded_characters();

// Sets `to` to `name` in lower case; to nothing where that is no name of a host, or has fewer
// labels than that.
void take_name(std::string_view name, std::size_t least_labels, std::string& to) {
  to.clear();
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxDomain) return;
  std::array<char, kMaxDomain> text;
  std::size_t label = 0, labels = 1;
  for (std::size_t i = 0; i < name.size(); ++i) {
    text[i] = kFolded[static_cast<unsigned char>(name[i])];
    if (text[i] == '.') {
      if (label == 0) return;
      label = 0;
      ++labels;
    } else if (text[i] == 0 || ++label > kMaxLabel) {
      return;
    }
  }
  if (label > 0 && labels >= least_labels) to.assign(text.data(), name.size());
}

}  // namespace

void take_domain(std::string_view sender, std::string& domain) {
  domain.clear();
  const std::size_t at = sender.rfind('@');
  if (at == std::string_view::npos) return;
  take_name(sender.substr(at + 1), 2, domain);
}

NameParents::NameParents()
    : suffixes_(::psl_latest(nullptr), [](psl_ctx_st* list) { ::psl_free(list); }) {}

// Asking the list costs as much as a whole decision, and most mail is of few providers.
bool NameParents::is_public_suffix(const std::string& domain) const {
  const std::uint64_t hash = keyed_hash(hash_key_, domain);
  Judged& judged = judged_[hash % judged_.size()];
  if (judged.hash != hash) {
    judged = {hash, ::psl_is_public_suffix(suffixes_.get(), domain.c_str()) != 0};
  }
  return judged.is_suffix;
}

bool NameParents::is_host_of(std::string_view name, const Ip& client,
                             const std::string& domain) const {
  std::string host;
  take_name(name, 2, host);
  if (!suffixes_ || host.empty() || domain.empty() || holds_address(host, client)) return false;
  if (host == domain) return true;
  const char* const registrable = ::psl_registrable_domain(suffixes_.get(), domain.c_str());
  if (registrable == nullptr) return false;  // it is a public suffix
  const std::string_view of(registrable);
  return host == of || (host.ends_with(of) && host[host.size() - of.size() - 1] == '.');
}

std::optional<bool> NameParents::take_parent(std::string_view name, const Ip& client,
                                             std::string& parent) const {
  parent.clear();
  if (suffixes_) take_name(name, 3, parent);
  if (parent.empty()) return std::nullopt;
  const bool made_of_it = holds_address(parent, client);
  parent.erase(0, parent.find('.') + 1);
  if (made_of_it || is_public_suffix(parent)) parent.clear();
  return made_of_it;
}

}  // namespace grey

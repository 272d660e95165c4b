#include "greyd/state/networks_file.h"

#include <optional>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/base/files.h"
#include "greyd/base/split.h"
#include "greyd/spf/dns_data.h"
#include "greyd/spf/messages.h"
#include "greyd/state/framed_file.h"
#include "greyd/state/framed_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeader = "qmail-greyd networks 1";
constexpr std::string_view kLegend = "# domain known-since end ttl networks; written by the daemon";
constexpr mode_t kMode = 0600;
constexpr off_t kMaxFile = 64 << 20;  // octets; more than all that there can be

// Why a line is none of ours; empty: it is one.
std::string take_line(std::string_view line, NetworksByDomain& networks) {
  if (line.empty() || line.starts_with('#')) return {};
  const auto domain = spf::read_name(take_field(line));
  const auto since = read_time(take_field(line));
  auto flattened = spf::read_flattened(line);
  if (!domain || !since || !flattened) return "is no domain's networks";
  if (networks.size() == kMaxListedDomains) return "is one too many";
  networks[*domain] = {std::move(*flattened), *since};
  return {};
}

}  // namespace

std::string networks_path(const std::string& context_file) {
  return context_file + ".networks";
}

std::string to_text(const NetworksByDomain& networks) {
  std::string text;
  text.append(kHeader).append("\n").append(kLegend).append("\n");
  for (const auto& [domain, known] : networks) {
    text.append(domain).append(" ");
    append_number(text, known.since);
    text.append(" ").append(spf::to_text(known.flattened)).append("\n");
  }
  return text + "end " + std::to_string(networks.size()) + "\n";
}

ReadNetworks read_networks(std::string_view text) {
  ReadNetworks read;
  const auto take = [&](std::string_view line) { return take_line(line, read.networks); };
  read.bad = FrameReader{kHeader, "domains", take, [&] { return read.networks.size(); }}.read(text);
  return read;
}

Result<NetworksByDomain> load_networks(const std::string& path, Seconds now, std::string& note) {
  const auto loss = [](const ReadNetworks& read) {
    return std::to_string(read.networks.size()) + " domains' networks could be read";
  };
  auto loaded = load_framed(path, kMaxFile, read_networks, loss, now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return std::move(loaded->networks);
}

Result<void> save_networks(const std::string& path, const std::string& text) {
  return replace_file(path, text, {kMode, {}, {}});
}

}  // namespace grey

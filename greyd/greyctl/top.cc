#include "greyd/greyctl/top.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "greyd/wire/client.h"

namespace grey::greyctl {
namespace {

constexpr unsigned kV4Network = 24, kV6Network = 48;
constexpr std::array<std::string_view, 4> kNames = {"clients", "networks", "senders", "recipients"};

// "192.0.2.7" or "192.0.2.0/26" as "192.0.2.0/24"; a name as it is.
std::string network_of(const std::string& client) {
  const auto ip = Ip::parse(client.substr(0, client.find('/')));
  if (!ip) return client;
  const unsigned prefix = ip->is_v4() ? Ip::kV4Bits + kV4Network : kV6Network;
  return to_string(Network{ip->network(prefix), prefix});
}

}  // namespace

std::optional<Top::By> Top::by_name(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return By(at - kNames.begin());
}

std::span<const std::string_view> Top::names() {
  return kNames;
}

void Top::add(const nlohmann::json& record) {
  std::string key;
  switch (by_) {
    case By::clients:
      key = record.value("client", "");
      break;
    case By::networks:
      key = network_of(record.value("client", ""));
      break;
    case By::senders:
      key = record.value("sender", "");
      break;
    case By::recipients:
      key = record.value("recipient", "");
      break;
  }
  // What waits in a pool waits as its member's, too.
  if (key.empty() || Client::parse_pool(record.value("client", ""))) return;
  Counts& counts = counts_[key];
  const std::string state = record.value("state", "");
  ++(state == "waiting" ? counts.waiting : state == "known" ? counts.known : counts.passed);
}

std::vector<Top::Row> Top::rows(std::size_t most) const {
  std::vector<Row> rows(counts_.begin(), counts_.end());
  const auto is_before = [](const Row& one, const Row& other) {
    if (one.second.waiting != other.second.waiting) {
      return one.second.waiting > other.second.waiting;
    }
    if (one.second.all() != other.second.all()) return one.second.all() > other.second.all();
    return one.first < other.first;
  };
  const std::size_t count = std::min(most, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + std::ptrdiff_t(count), rows.end(), is_before);
  rows.resize(count);
  return rows;
}

std::string Top::text(std::size_t most) const {
  const auto column = [](const std::string& text) {
    return std::string(text.size() < 9 ? 9 - text.size() : 0, ' ') + text + ' ';
  };
  std::string text = column("waiting") + column("passed") + column("known") + ' ';
  text.append(kNames[std::size_t(by_)]).append("\n");
  for (const auto& [key, counts] : rows(most)) {
    text += column(std::to_string(counts.waiting)) + column(std::to_string(counts.passed)) +
            column(std::to_string(counts.known)) + ' ' + key + "\n";
  }
  return text;
}

nlohmann::json Top::json(std::size_t most) const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [key, counts] : rows(most)) {
    list.push_back({{"key", key},
                    {"waiting", counts.waiting},
                    {"passed", counts.passed},
                    {"known", counts.known}});
  }
  return list;
}

}  // namespace grey::greyctl

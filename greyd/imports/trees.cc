#include "greyd/imports/trees.h"

#include <string>

#include "greyd/imports/line_reader.h"

namespace grey::imports {
namespace {

using Kind = DirectoryEntry::Kind;

// "007"
std::optional<unsigned> read_padded_part(std::string_view name) {
  const auto part = name.size() == 3 ? read_number<unsigned>(name) : std::nullopt;
  return part && *part <= 255 ? part : std::nullopt;
}

class Walk {
 public:
  Walk(Directory& directory, const Settings& settings, const Visit& visit)
      : directory_(directory), settings_(settings), visit_(visit) {}

  // The parts of an address that the way here has named.
  Result<void> jgreylist(std::uint32_t address) {
    const std::size_t depth = path_.size();
    return list([&](const DirectoryEntry& entry) -> Result<void> {
      const auto part = read_padded_part(entry.name);
      if (!part) return stray(entry);
      const std::uint32_t longer = address << 8 | *part;
      if (entry.kind == Kind::directory && depth < 3) {
        return below(entry, [&] { return jgreylist(longer); });
      }
      if (entry.kind != Kind::file || !entry.empty || depth < 2) return stray(entry);
      const unsigned bits = 8 * unsigned(depth + 1);
      give(entry, jgreylist_record(
                      entry, {Ip::from_v4(depth == 2 ? longer << 8 : longer), Ip::kV4Bits + bits}));
      return {};
    });
  }

  Result<void> cqgreylist() {
    return list([&](const DirectoryEntry& entry) -> Result<void> {
      const auto part = read_number<unsigned>(entry.name);
      const bool good = part && *part <= 255 && std::to_string(*part) == entry.name;
      if (!good || entry.kind != Kind::directory) return stray(entry);
      return below(entry, [&] { return cqgreylist_clients(*part); });
    });
  }

 private:
  Result<void> cqgreylist_clients(unsigned first_part) {
    return list([&](const DirectoryEntry& entry) -> Result<void> {
      const auto ip = Ip::parse(entry.name);
      const bool here = ip && first_part == (ip->is_v4() ? ip->bytes()[12] : 0u);
      if (!here || entry.kind != Kind::file || !entry.empty) return stray(entry);
      Record record;
      record.client = network_of(*ip);
      record.address_only = true;
      record.seen = entry.mtime;
      record.known_from = entry.mtime + settings_.cqgreylist_hold + 1;
      give(entry, record);
      return {};
    });
  }

  Record jgreylist_record(const DirectoryEntry& entry, const Network& network) const {
    const bool known = entry.atime - entry.mtime >= settings_.jgreylist_hold;
    Record record;
    record.record_class = known ? RecordClass::client : RecordClass::waiting;
    record.client = network;
    record.address_only = true;
    record.seen = known ? entry.atime : entry.mtime;
    record.ends = entry.atime + (entry.atime == entry.mtime ? settings_.jgreylist_unused_life
                                                            : settings_.jgreylist_life);
    return record;
  }

  // An error ends it.
  template <typename Visitor>
  Result<void> list(Visitor visitor) {
    Result<void> outcome;
    const auto listed = directory_.list(path_, [&](const DirectoryEntry& entry) {
      outcome = visitor(entry);
      return outcome.has_value();
    });
    return listed ? outcome : listed;
  }

  template <typename Read>
  Result<void> below(const DirectoryEntry& entry, Read read) {
    path_.emplace_back(entry.name);
    Result<void> outcome = read();
    path_.pop_back();
    return outcome;
  }

  Result<void> stray(const DirectoryEntry& entry) {
    give(entry, Skip{Reason::stray, {}});
    return {};
  }

  void give(const DirectoryEntry& entry, What what) {
    std::string path = to_string(path_);
    if (!path.empty()) path += '/';
    path += entry.name;
    visit_({{path, 0}, std::move(what)});
  }

  Directory& directory_;
  const Settings& settings_;
  const Visit& visit_;
  Directory::Path path_;
};

}  // namespace

Result<void> read_tree(Form form, Directory& directory, const Settings& settings,
                       const Visit& visit) {
  Walk walk(directory, settings, visit);
  return form == Form::jgreylist ? walk.jgreylist(0) : walk.cqgreylist();
}

}  // namespace grey::imports

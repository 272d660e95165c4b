#include "greyd/imports/row.h"

#include <algorithm>
#include <utility>

#include "greyd/base/split.h"
#include "greyd/base/text.h"
#include "greyd/imports/line_reader.h"
#include "greyd/lists/address_list.h"

namespace grey::imports {
namespace {

constexpr std::string_view kData = "greylisting_data", kLists = "greylisting_lists",
                           kRelayToFrom = "relaytofrom";

// Four octets, or sixteen, of which zeros at the end may be missing.
std::optional<Network> read_binary_client(std::string_view octets) {
  if (octets.empty() || octets.size() > 16) return std::nullopt;
  std::array<std::uint8_t, 16> bytes = octets.size() <= 4 ? Ip::from_v4(0).bytes() : Ip().bytes();
  std::copy(octets.begin(), octets.end(), bytes.begin() + (octets.size() <= 4 ? 12 : 0));
  return network_of(Ip(bytes));
}

bool is_entry(const std::string& text) {
  if (text.find_first_of("\n#") != std::string::npos) return false;
  const auto list = AddressList::parse(text, "");
  return list && list->entries() == 1;
}

}  // namespace

const std::array<std::string_view, Table::kFields> Table::kNames = {
    "relay_ip",      "mail_from",    "rcpt_to",     "block_expires", "record_expires",
    "blocked_count", "passed_count", "origin_type", "create_time",   "ipaddr"};

// ---- which table -------------------------------------------------------------------------------

std::string Table::missing_of(Kind kind, const Table& table) {
  static constexpr Field kOfData[] = {relay_ip,       mail_from,    rcpt_to,    block_expires,
                                      record_expires, passed_count, create_time};
  static constexpr Field kOfLists[] = {ipaddr, rcpt_to, block_expires, record_expires};
  const std::span<const Field> needed =
      kind == Kind::lists ? std::span<const Field>(kOfLists) : std::span<const Field>(kOfData);
  for (const Field field : needed) {
    if (table.place_[field] == kAbsent) return std::string(kNames[field]);
  }
  return {};
}

Result<std::optional<Table>> Table::of(std::string_view name, std::span<const Column> columns) {
  Table table;
  table.columns_ = columns.size();
  table.place_.fill(kAbsent);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto* const found = std::find(kNames.begin(), kNames.end(), to_lower(columns[i].name));
    if (found != kNames.end()) table.place_[std::size_t(found - kNames.begin())] = i;
  }
  const bool is_named = named(name).has_value();
  if (table.place_[ipaddr] != kAbsent || to_lower(name) == kLists) {
    table.kind_ = Kind::lists;
  } else {
    table.kind_ = table.place_[origin_type] != kAbsent ? Kind::relaytofrom : Kind::data;
  }
  if (const std::string missing = missing_of(table.kind_, table); !missing.empty()) {
    if (!is_named) return std::optional<Table>();
    return failure("table '" + std::string(name) + "' has no column '" + missing + "'");
  }
  if (table.place_[create_time] != kAbsent) {
    const std::string type = to_lower(columns[table.place_[create_time]].type);
    table.created_as_timestamp_ =
        type.empty() ? table.kind_ != Kind::relaytofrom : type.starts_with("timestamp");
  }
  return std::optional(table);
}

std::optional<Table> Table::named(std::string_view name) {
  struct Made {
    std::string_view name, columns;
  };
  static constexpr Made kMade[] = {
      {kData,
       "id relay_ip mail_from rcpt_to block_expires record_expires blocked_count passed_count "
       "aborted_count create_time last_update"},
      {kRelayToFrom,
       "id relay_ip mail_from rcpt_to block_expires record_expires blocked_count passed_count "
       "aborted_count origin_type create_time last_update"},
      {kLists,
       "id ipaddr ipaddr_start ipaddr_end ipaddr_prefixsize rcpt_to block_expires record_expires "
       "create_time last_update comment"},
  };
  const std::string folded = to_lower(name);
  const auto* const found = std::find_if(std::begin(kMade), std::end(kMade),
                                         [&](const Made& made) { return made.name == folded; });
  if (found == std::end(kMade)) return std::nullopt;
  std::vector<Column> columns;
  for (std::string_view rest = found->columns; !rest.empty();) {
    columns.push_back({std::string(take_field(rest)), {}});
  }
  return *of("", columns);
}

bool Table::is_header(std::span<const Cell> cells) {
  std::size_t names = 0;
  for (const Cell& cell : cells) {
    names += std::size_t(std::count(kNames.begin(), kNames.end(), cell.text));
  }
  return names >= 4;
}

// ---- a row -------------------------------------------------------------------------------------

struct Table::Row {
  const Table& table;
  std::span<const Cell> cells;
  const Zone& timestamps;
  const Settings& settings;
  const std::function<void(What)>& give;

  const Cell* cell(Field field) const {
    const std::size_t place = table.place_[field];
    return place == kAbsent || cells[place].null ? nullptr : &cells[place];
  }
  // What of an address counts; nothing for NULL.
  std::optional<std::string_view> address(Field field) const {
    const Cell* const found = cell(field);
    if (found == nullptr) return std::nullopt;
    return without_brackets(found->text);
  }
  bool is_too_long(Field field) const {
    const Cell* const found = cell(field);
    return found != nullptr && (found->too_long || !may_be_kept(found->text));
  }

  Result<Seconds> time(Field field) const {
    const Cell* const found = cell(field);
    const auto time = found ? parse_civil_time(found->text) : std::nullopt;
    if (!time) return wrong(field, "time");
    const bool timestamp = field == create_time && table.created_as_timestamp_;
    if (timestamp) return to_seconds(*time, timestamps);
    return to_seconds(
        *time, Zone{table.kind_ == Kind::relaytofrom ? std::nullopt : std::optional<Seconds>(0),
                    &settings.local});
  }
  Result<std::uint64_t> number(Field field) const {
    const Cell* const found = cell(field);
    if (found == nullptr) return 0;  // also a column that is not there
    const auto number = read_number<std::uint64_t>(found->text);
    if (!number) return wrong(field, "number");
    return *number;
  }
  tl::unexpected<Error> wrong(Field field, const std::string& what) const {
    const Cell* const found = cell(field);
    const std::string text = found ? to_word(found->text.substr(0, 100)) : "NULL";
    return failure("column '" + std::string(kNames[field]) + "' has " + text + ", which is no " +
                   what);
  }

  void skip(Reason reason, std::string_view what = {}) const { give(Skip{reason, what}); }
  Result<Counts> read() const;
  void read_record(Record record, std::uint64_t passed, Seconds created) const;
  void read_entries(Seconds blocked_until, Seconds ends) const;
  void give_entries(const std::vector<std::string>& texts, Seconds blocked_until,
                    Seconds ends) const;
  // Of an entry; kNever where it is not known.
  Seconds made() const {
    const auto created = time(create_time);
    return created && *created > 0 ? *created : kNever;
  }
};

Result<Table::Counts> Table::Row::read() const {
  const auto blocked_until = time(block_expires);
  const auto ends = time(record_expires);
  if (!blocked_until) return tl::make_unexpected(blocked_until.error());
  if (!ends) return tl::make_unexpected(ends.error());
  if (table.kind_ == Kind::lists) {
    read_entries(*blocked_until, *ends);
    return Counts{};
  }
  const auto blocked = number(blocked_count), passed = number(passed_count);
  if (!blocked) return tl::make_unexpected(blocked.error());
  if (!passed) return tl::make_unexpected(passed.error());
  const Cell* const origin = cell(origin_type);
  if (origin != nullptr && to_lower(origin->text) == "manual") {
    read_entries(*blocked_until, *ends);
  } else {
    const auto created = time(create_time);
    if (!created) return tl::make_unexpected(created.error());
    Record record;
    record.ends = *ends;
    read_record(record, *passed, *created);
  }
  return Counts{*blocked, *passed, true};
}

void Table::Row::read_record(Record record, std::uint64_t passed, Seconds created) const {
  const Cell* const client = cell(relay_ip);
  const auto sender = address(mail_from), recipient = address(rcpt_to);
  if (client == nullptr) return skip(Reason::no_client, recipient.value_or(""));
  if (!sender || !recipient) return skip(Reason::no_envelope, recipient.value_or(""));
  if (is_too_long(mail_from) || is_too_long(rcpt_to)) return skip(Reason::no_octets, *recipient);
  auto network = read_client(client->text);
  // Text first: no address that is in use reads as one.
  const bool whole = network && network->prefix == 128;
  if (table.kind_ == Kind::data && !whole) network = read_binary_client(client->text);
  if (!network) return skip(Reason::no_address, client->text);
  record.client = *network;
  record.sender = *sender;
  record.recipient = *recipient;
  record.seen = created;
  if (passed > 0) {
    record.record_class = RecordClass::passed;
    const Seconds accepted = record.ends == kNever ? created : record.ends - settings.good_life;
    record.seen = std::max(accepted, created);
  }
  give(record);
}

// An entry by a domain names those below it as well in relaytofrom, and not in greylisting_lists.
void Table::Row::read_entries(Seconds blocked_until, Seconds ends) const {
  const bool lists = table.kind_ == Kind::lists;
  const auto client = address(lists ? ipaddr : relay_ip), recipient = address(rcpt_to);
  const auto sender = lists ? std::nullopt : address(mail_from);
  const bool has_client = client && !client->empty(),
             has_recipient = recipient && !recipient->empty();
  const int named = int(has_client) + int(sender.has_value()) + int(has_recipient);
  if (named == 0) return skip(Reason::no_client);
  if (named > 1 && !lists) return skip(Reason::several, has_recipient ? *recipient : *client);
  std::vector<std::string> texts;
  if (has_client) {
    const auto network = read_client(*client);
    if (!network) return skip(Reason::no_entry, *client);
    texts.push_back(network->prefix == 128 ? to_string(network->address)
                                           : grey::to_string(*network));
  }
  const auto add = [&](std::string_view prefix, std::string_view text) {
    const bool is_domain = text.find('@') == std::string_view::npos;
    texts.push_back(std::string(prefix) + (is_domain ? "@" : "") + std::string(text));
    if (is_domain && !lists) texts.push_back(std::string(prefix) + "@." + std::string(text));
  };
  if (sender) add("", *sender);
  if (has_recipient) add("to:", *recipient);
  give_entries(texts, blocked_until, ends);
}

void Table::Row::give_entries(const std::vector<std::string>& texts, Seconds blocked_until,
                              Seconds ends) const {
  for (const std::string& text : texts) {
    if (!is_entry(text)) return skip(Reason::no_entry, text);
  }
  for (const std::string& text : texts) give(Listed{text, blocked_until, ends, made()});
}

Result<Table::Counts> Table::read(std::span<const Cell> cells, const Zone& timestamps,
                                  const Settings& settings,
                                  const std::function<void(What)>& give) const {
  return Row{*this, cells, timestamps, settings, give}.read();
}

}  // namespace grey::imports

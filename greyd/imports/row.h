// A row of one of the tables that greylisters keep in MySQL, by the names of its columns, whatever
// their order and whatever else there is. Such a table may have another name.
//
// greylisting_data, qmail-spp's triplets:
//   relay_ip mail_from rcpt_to block_expires record_expires blocked_count passed_count create_time
//   Addresses have 4 or 16 octets, the zeros at their end cut off or not. Expiry is in UTC, and
//   create_time is a timestamp.
// relaytofrom, relaydelay's and Plesk's: the same columns, and origin_type.
//   Addresses are text of one to four parts, mailboxes have <> around them, and all times are
//   local. MANUAL rows are the administrator's entries: what does not matter in one is NULL.
// greylisting_lists, qmail-spp's entries:
//   ipaddr rcpt_to block_expires record_expires, and perhaps create_time; rcpt_to is a domain.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/imports/reader.h"

namespace grey::imports {

struct Column {
  std::string name;
  std::string type;  // "datetime", "timestamp"; empty: not known
};

// A value in it. Of one that is too long, what there is of it is its beginning.
struct Cell {
  std::string_view text;
  bool null = false;
  bool too_long = false;
};

class Table {
 public:
  // Nothing: it is none of them. An error: it has the name of one, and lacks a column.
  static Result<std::optional<Table>> of(std::string_view name, std::span<const Column> columns);
  // One without its columns, which has them as they were made. Nothing: its name is of none.
  static std::optional<Table> named(std::string_view name);

  // What CREATE TABLE says of a column's type, where this is an INSERT's own choice of them.
  void take_types_of(const Table& created) {
    created_as_timestamp_ = created.created_as_timestamp_;
  }

  std::size_t columns() const { return columns_; }
  // Whether a line has names of columns, and no values.
  static bool is_header(std::span<const Cell> cells);

  struct Counts {
    std::uint64_t blocked = 0, passed = 0;
    bool has = false;
  };
  // Hands over what the row says, and what it counts. An error says what is wrong with it.
  // `timestamps`: of the columns of that type; all others are as the table has them.
  // REQUIRES: cells.size() == columns().
  Result<Counts> read(std::span<const Cell> cells, const Zone& timestamps, const Settings& settings,
                      const std::function<void(What)>& give) const;

 private:
  enum class Kind : std::uint8_t { data, relaytofrom, lists };
  enum Field : std::uint8_t {
    relay_ip,
    mail_from,
    rcpt_to,
    block_expires,
    record_expires,
    blocked_count,
    passed_count,
    origin_type,
    create_time,
    ipaddr,
  };
  static constexpr std::size_t kFields = ipaddr + 1;
  static constexpr std::size_t kAbsent = std::size_t(-1);
  static const std::array<std::string_view, kFields> kNames;
  static std::string missing_of(Kind kind, const Table& table);
  struct Row;

  Kind kind_ = Kind::data;
  std::size_t columns_ = 0;
  std::array<std::size_t, kFields> place_{};
  bool created_as_timestamp_ = false;
};

}  // namespace grey::imports

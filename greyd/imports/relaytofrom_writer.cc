#include "greyd/imports/relaytofrom_writer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/core/key.h"
#include "greyd/imports/reader.h"

namespace grey::imports {
namespace {

// mysqldump's first and last line: who reads a dump that lacks the last knows that it has been cut.
constexpr std::string_view kBegin =
    "-- MySQL dump of what qmail-greyd remembers; times are local\n";
constexpr std::string_view kEnd = "COMMIT;\n-- Dump completed\n";

// relaydelay has char(16) and varchar(255): too short for IPv6, and for a long address in its <>.
std::string create_table() {
  const std::string address = "varbinary(" + std::to_string(kMaxAddress + 2) + ")";
  return "CREATE TABLE IF NOT EXISTS relaytofrom (\n"
         "  id bigint NOT NULL AUTO_INCREMENT,\n"
         "  relay_ip varchar(43) DEFAULT NULL,\n"
         "  mail_from " +
         address +
         " DEFAULT NULL,\n"
         "  rcpt_to " +
         address +
         " DEFAULT NULL,\n"
         "  block_expires datetime NOT NULL,\n"
         "  record_expires datetime NOT NULL,\n"
         "  blocked_count bigint NOT NULL DEFAULT 0,\n"
         "  passed_count bigint NOT NULL DEFAULT 0,\n"
         "  aborted_count bigint NOT NULL DEFAULT 0,\n"
         "  origin_type enum('MANUAL','AUTO') NOT NULL,\n"
         "  create_time datetime NOT NULL,\n"
         "  last_update timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,\n"
         "  PRIMARY KEY (id),\n"
         "  KEY relay_ip (relay_ip),\n"
         "  KEY mail_from (mail_from(20)),\n"
         "  KEY rcpt_to (rcpt_to(20))\n"
         ") ENGINE=InnoDB;\n";
}

constexpr std::string_view kInsert =
    "INSERT INTO relaytofrom (relay_ip, mail_from, rcpt_to, block_expires, record_expires, "
    "blocked_count, passed_count, origin_type, create_time, last_update) VALUES\n";
constexpr std::size_t kRows = 200;  // of a statement: far below any max_allowed_packet

// Nothing in it means anything in a string of SQL, under any sql_mode.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
}

void append_octets(std::string& out, std::string_view octets) {
  if (is_plain(octets)) {
    out.append(1, '\'').append(octets).append(1, '\'');
    return;
  }
  static constexpr char kHex[] = "0123456789ABCDEF";
  out += "x'";
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out.append(1, kHex[octet >> 4]).append(1, kHex[octet & 15]);
  }
  out += '\'';
}

void append_mailbox(std::string& out, std::string_view address) {
  append_octets(out, "<" + std::string(address) + ">");
}

std::string relay_ip(const Network& client) {
  if (client.prefix == 128) return to_string(client.address);
  std::string text = to_string(client);
  const bool v4 = client.address.is_v4() && client.prefix >= Ip::kV4Bits;
  const unsigned octets = (client.prefix - Ip::kV4Bits) / 8;
  if (!v4 || client.prefix % 8 != 0 || octets == 0) return text;
  std::size_t end = 0;
  for (unsigned i = 0; i < octets; ++i) end = text.find('.', end + (i > 0 ? 1 : 0));
  return text.substr(0, end);
}

class RelaytofromWriter : public Writer {
 public:
  explicit RelaytofromWriter(const WriterSettings& settings) : settings_(settings) {}

  void begin(std::string& out) override {
    out.append(kBegin).append(create_table()).append("START TRANSACTION;\n");
  }
  bool add(std::string& out, const Record& record) override {
    if (record.name) return false;
    const Terms& terms = settings_.terms;
    switch (record.record_class) {
      case RecordClass::waiting:
        add_triplet(out, record, record.seen + terms.min_resend, record.seen + terms.resend_window);
        return true;
      case RecordClass::bounce:
        add_triplet(out, record, record.seen, record.seen + kBounceLife);
        return true;
      case RecordClass::passed:
        add_triplet(out, record, record.seen, record.seen + Settings{}.good_life);
        return true;
      case RecordClass::trapped:
        return false;
      case RecordClass::client:
        return add_client(out, record);
      case RecordClass::sent:  // it has no address
        break;
    }
    return false;
  }
  void end(std::string& out) override {
    if (rows_ > 0) out += ";\n";
    out += kEnd;
  }

 private:
  void begin_row(std::string& out, const Record& record) {
    if (rows_ == kRows) {
      out += ";\n";
      rows_ = 0;
    }
    out += rows_++ == 0 ? kInsert : std::string_view(",\n");
    out.append("('").append(relay_ip(record.client)).append("',");
  }
  // What follows mail_from and rcpt_to.
  void end_row(std::string& out, const Record& record, Seconds blocked_until, Seconds ends) {
    append_time(out, blocked_until);
    append_time(out, ends);
    // A row that has passed was blocked once, but for a known client, of whose triplets it is.
    const bool has_passed = record.record_class == RecordClass::passed;
    out += has_passed ? "1,1," : record.record_class == RecordClass::waiting ? "1,0," : "0,0,";
    out += record.record_class == RecordClass::client ? "'MANUAL'," : "'AUTO',";
    append_time(out, record.seen);
    // A timestamp; relaydelay's own tables may have no default for it.
    constexpr Seconds kLatestTimestamp = 2'147'300'000;  // in January 2038, in all zones
    append_time(out, std::min(record.seen, kLatestTimestamp));
    out.back() = ')';
  }
  void add_triplet(std::string& out, const Record& record, Seconds blocked_until, Seconds ends) {
    begin_row(out, record);
    append_mailbox(out, record.sender);
    out += ',';
    append_mailbox(out, record.recipient);
    out += ',';
    end_row(out, record, blocked_until, ends);
  }
  bool add_client(std::string& out, const Record& record) {
    const Terms& terms = settings_.terms;
    if (terms.client_passes == 0 || record.passes.value_or(0) < terms.client_passes) return false;
    begin_row(out, record);
    out += "NULL,NULL,";
    end_row(out, record, record.seen, record.seen + terms.timeout);
    return true;
  }

  // With a comma behind it.
  void append_time(std::string& out, Seconds seconds) const {
    constexpr Seconds kLatest =
        253'402'128'000;  // 9999-12-30, the last day that all zones can write
    const CivilTime time = settings_.civil(std::min(seconds, kLatest));
    char text[64];
    std::snprintf(text, sizeof text, "'%04d-%02u-%02u %02u:%02u:%02u',", time.year, time.month,
                  time.day, time.hour, time.minute, time.second);
    out += text;
  }

  const WriterSettings settings_;
  std::size_t rows_ = 0;  // of the statement that is being written
};

}  // namespace

std::unique_ptr<Writer> relaytofrom_writer(const WriterSettings& settings) {
  return std::make_unique<RelaytofromWriter>(settings);
}

}  // namespace grey::imports

#include "greyd/fronts/record_log.h"

#include <array>
#include <string_view>

#include "greyd/base/log_fields.h"
#include "greyd/state/record_text.h"

namespace grey {
namespace {

constexpr FieldName kState{"state=", R"("state":)"};
constexpr FieldName kClient{" client=", R"(,"client":)"};
constexpr FieldName kSender{" sender=", R"(,"sender":)"};
constexpr FieldName kRecipient{" recipient=", R"(,"recipient":)"};
constexpr FieldName kPasses{" passes=", R"(,"passes":)"};
constexpr FieldName kTraps{" traps=", R"(,"traps":)"};
constexpr FieldName kFirstSeen{" first-seen=", R"(,"first_seen":)"};
constexpr FieldName kLastSeen{" last-seen=", R"(,"last_seen":)"};

// By RecordClass.
constexpr std::array<std::string_view, kRecordClasses> kStates{"waiting", "bounce", "trapped",
                                                               "passed",  "client", "sent"};
constexpr std::size_t kWhole = SIZE_MAX;

template <LogFormat format>
void append_in(std::string& out, const SavedRecord& record) {
  const bool is_client = is_of_client(record.record_class);
  LogFields<format> line(out);
  line.own(kState, kStates[std::size_t(record.record_class)]);
  line.string(kClient, [&] {
    if (record.client.has_address()) {
      append_ip(out, record.client.ip);
    } else {
      line.word(record.client.is_pool() ? to_string(record.client) : *record.client.name, kWhole);
    }
  });
  if (is_client) {
    line.number(record.record_class == RecordClass::trapped ? kTraps : kPasses, record.passes);
  } else {
    line.string(kSender, [&] { line.word(record.sender, kWhole); });
    line.string(kRecipient, [&] { line.word(record.recipient, kWhole); });
  }
  line.number(record.record_class == RecordClass::waiting ? kFirstSeen : kLastSeen, record.seen);
  line.end();
}

}  // namespace

void append_record_line(std::string& out, LogFormat format, const SavedRecord& record) {
  switch (format) {
    case LogFormat::plain:
      return append_record(out, record);
    case LogFormat::logfmt:
      return append_in<LogFormat::logfmt>(out, record);
    case LogFormat::json:
      return append_in<LogFormat::json>(out, record);
  }
}

}  // namespace grey

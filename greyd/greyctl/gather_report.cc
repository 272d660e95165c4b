#include "greyd/greyctl/gather_report.h"

#include <sodium.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "greyd/base/hash_key.h"
#include "greyd/base/text.h"
#include "greyd/control/status.h"
#include "greyd/greyctl/ask.h"
#include "greyd/report/record_line.h"
#include "greyd/report/report_maker.h"
#include "greyd/state/totals_text.h"

namespace grey::greyctl {
namespace {

using nlohmann::json;
using report::RecordLine;
using report::ReportMaker;

// As ask(), but lines before the last are not read as trees of JSON: `take` says whether one is
// what it should be.
Result<json> ask_lines(Channel& channel, const json& request, std::string_view begin,
                       const std::function<bool(const std::string&)>& take) {
  if (auto sent = channel.send(request.dump()); !sent) return tl::make_unexpected(sent.error());
  for (;;) {
    auto line = channel.receive(false);
    if (!line) return tl::make_unexpected(line.error());
    if (!*line) return failure("the daemon has gone before its answer was whole");
    if ((*line)->starts_with(begin)) {
      if (take(**line)) continue;
      return failure("the answer is none of a daemon's: " + to_word((*line)->substr(0, 200)));
    }
    json object = json::parse(**line, nullptr, false);
    if (object.is_object() && object.contains("error")) {
      return tl::make_unexpected(
          Error{object.value("error", ""), object.value("exit_code", kExitSystemFailure)});
    }
    if (object.is_object() && object.contains("done")) return object;
    return failure("the answer is none of a daemon's: " + to_word((*line)->substr(0, 200)));
  }
}

// Totals before records: what passes meanwhile is then told as not known, and what begins is not
// told; a report is not of one moment.
Result<void> take_totals(Channel& channel, Seconds from, ReportMaker& maker) {
  const auto last = ask_lines(channel, {{"command", "totals"}, {"since", from}}, R"({"hour":)",
                              [&](const std::string& line) {
                                const auto totals = read_totals(line);
                                if (totals) maker.add(*totals);
                                return totals.has_value();
                              });
  // After an upgrade the daemon of before may run still.
  if (!last && last.error().exit_code == kExitMisuse) {
    maker.has_no_totals();
    return {};
  }
  if (!last) return tl::make_unexpected(last.error());
  if (const Seconds kept = last->value("from", Seconds{0}); kept > 0) maker.kept_from(kept);
  return {};
}

Result<void> take_records(Channel& channel, Seconds from, ReportMaker& maker) {
  RecordLine record;
  const auto last = ask_lines(channel, {{"command", "list"}, {"since", from}}, R"({"state":)",
                              [&](const std::string& line) {
                                if (!report::read_record_line(line, record)) return false;
                                maker.add(record);
                                return true;
                              });
  return last ? Result<void>() : tl::make_unexpected(last.error());
}

}  // namespace

Result<report::Report> gather_report(Channel& channel, Seconds back) {
  if (sodium_init() < 0) return failure("cannot initialise libsodium");
  const auto status = ask(channel, R"({"command":"status"})", [](const json&, const auto&) {});
  if (!status) return tl::make_unexpected(status.error());
  const auto policy = policy_of(status->object);
  const Seconds now = status->object.value("now", Seconds{0});
  if (!policy || now <= 0) return failure("the daemon does not say its policy, or the time");
  const Seconds from = hour_of(std::max<Seconds>(now - back, 0));
  ReportMaker maker({from, now, *policy, status->object.value("version", "")}, new_hash_key());
  if (auto taken = take_totals(channel, from, maker); !taken) {
    return tl::make_unexpected(taken.error());
  }
  if (auto taken = take_records(channel, from, maker); !taken) {
    return tl::make_unexpected(taken.error());
  }
  return maker.finish();
}

}  // namespace grey::greyctl

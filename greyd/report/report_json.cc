#include "greyd/report/report_json.h"

#include "greyd/base/json_line.h"
#include "greyd/report/report_words.h"

namespace grey::report {
namespace {

void add_reasons(JsonLine& line, std::string_view name, const ReasonCounts& counts) {
  line.begin_object(name);
  for (std::size_t i = 0; i < counts.size(); ++i) line.number(reason_name(i), counts[i]);
  line.end_object();
}

void add_fates(JsonLine& line, const Fates& fates) {
  line.number("first", fates.first);
  for (const FateName& fate : fate_names()) line.number(fate.id, fates.*fate.count);
}

void add_quantiles(JsonLine& line, const Delays& delays) {
  if (const auto median = delays.quantile(0.5)) line.number("median", *median);
  if (const auto p90 = delays.quantile(0.9)) line.number("p90", *p90);
}

void add_slot(JsonLine& line, const Slot& slot) {
  line.number("accepted", slot.accepted).number("deferred", slot.deferred);
  add_fates(line, slot.fates);
  add_quantiles(line, slot.delays);
  line.end_object();
}

void add_delays(JsonLine& line, const Delays& delays) {
  line.begin_object("delay").number("count", delays.all()).number("waited", delays.waited);
  add_quantiles(line, delays);
  if (delays.longest > 0) line.number("longest", delays.longest);
  line.begin_list("bounds");
  for (const Seconds bound : kAgeBounds) line.number({}, bound);
  line.end_list().begin_list("passed");
  for (const Count count : delays.counts) line.number({}, count);
  line.end_list().end_object();
}

void add_ranking(JsonLine& line, std::string_view name, const Ranking& ranking) {
  line.begin_object(name).number("all", ranking.all).begin_list("first");
  for (const Ranked& row : ranking.first) {
    line.begin_object().text("name", row.name).number("deferred", row.deferred).end_object();
  }
  line.end_list().end_object();
}

void add_people(JsonLine& line, const Report& report) {
  add_ranking(line, "networks", report.networks);
  add_ranking(line, "domains", report.domains);
  add_ranking(line, "recipients", report.recipients);
  line.begin_list("longest");
  for (const Longest& row : report.longest) {
    line.begin_object().number("waited", row.waited).text("client", row.client);
    line.text("sender", row.sender).text("recipient", row.recipient).end_object();
  }
  line.end_list();
  if (!report.sees_several()) return;
  line.begin_list("several");
  for (const Several& row : report.several) {
    line.begin_object().text("network", row.network).number("messages", row.messages);
    line.number("clients", row.most).text("sender", row.sender);
    line.text("recipient", row.recipient).end_object();
  }
  line.end_list();
}

void add_suspects(JsonLine& line, const Report& report) {
  const auto add = [&](std::string_view name, const SuspectFates& fates) {
    line.begin_object(name).number("first", fates.first).number("passed", fates.passed);
    line.number("never", fates.never).end_object();
  };
  add("suspect", report.suspect);
  add("unsuspect", report.unsuspect);
}

void add_resends(JsonLine& line, const Report& report) {
  line.begin_list("min_resends");
  for (const OtherResend& row : report.resends) {
    line.begin_object().number("min_resend", row.min_resend);
    if (row.is_now) {
      line.flag("now", true);
    } else if (row.min_resend < report.policy.min_resend) {
      line.number("let_in", row.let_in).number("sooner", row.sooner).number("saved", row.saved);
    } else {
      line.number("again", row.again);
    }
    line.end_object();
  }
  line.end_list();
}

}  // namespace

std::string report_json(const Report& report) {
  std::string out;
  JsonLine line(out);
  line.number("from", report.from).number("now", report.now);
  if (report.kept_from) line.number("kept_from", *report.kept_from);
  line.text("version", report.version).number("min_resend", report.policy.min_resend);
  line.number("resend_window", report.policy.resend_window);
  line.flag("dry_run", report.policy.dry_run);
  line.text("select", report.policy.select == Select::all ? "all" : "suspect");
  line.begin_object("decided");
  add_reasons(line, "udp", report.udp);
  add_reasons(line, "policy", report.mta);
  line.end_object().begin_object("faults");
  for (const auto& [kind, count] : report.faults) line.number(kind, count);
  line.end_object().number("foreign", report.foreign).number("lost", report.lost);
  line.number("evicted", report.evicted).begin_object("attempts");
  add_fates(line, report.fates);
  line.end_object();
  add_suspects(line, report);
  add_delays(line, report.delays);
  line.begin_list(report.by_week ? "weeks" : "days");
  for (const Slot& slot : report.days) {
    line.begin_object().number("begin", slot.begin);
    add_slot(line, slot);
  }
  line.end_list().begin_list("hours");
  for (std::size_t i = 0; i < report.hours.size(); ++i) {
    line.begin_object().number("hour", i);
    add_slot(line, report.hours[i]);
  }
  line.end_list();
  add_people(line, report);
  add_resends(line, report);
  line.end();
  return out;
}

}  // namespace grey::report

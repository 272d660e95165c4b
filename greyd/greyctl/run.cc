#include "greyd/greyctl/run.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "greyd/greyctl/ask.h"
#include "greyd/greyctl/report_command.h"
#include "greyd/greyctl/terminal.h"
#include "greyd/net/clock.h"

namespace grey::greyctl {
namespace {

class Run {
 public:
  Run(const Invocation& invocation, Sources& sources, Channel& channel, const Paint& paint,
      const Print& print)
      : invocation_(invocation),
        sources_(sources),
        channel_(channel),
        paint_(paint),
        print_(print) {}

  Result<int> run() {
    const std::string& command = invocation_.command;
    if (command == "top") return top();
    if (command == "check") return check();
    if (command == "import" || command == "learn-sent") {
      return import_sources(invocation_.import, sources_, channel_, print_);
    }
    if (command == "export") return export_records(invocation_.exporting, channel_);
    if (command == "report") return report();
    const auto last = ask(since(invocation_.request));
    if (!last) return tl::make_unexpected(last.error());
    return end(*last);
  }

 private:
  // Asks, prints the lines of the answer that are not its last, and gives that.
  Result<Json> ask(const Json& request) {
    const bool patient = invocation_.command == "watch";
    const auto take_line = [this](const Json& object, const std::string& line) {
      take(object, line);
    };
    auto answer = grey::greyctl::ask(channel_, request.dump(), take_line, patient);
    if (!answer) return tl::make_unexpected(answer.error());
    last_line_ = std::move(answer->line);
    return std::move(answer->object);
  }

  // A line of a long answer.
  void take(const Json& object, const std::string& line) {
    ++lines_;
    if (top_) return top_->add(object);
    if (invocation_.json || invocation_.command == "totals") return print_(line + "\n");
    if (object.contains("watching")) return;
    if (invocation_.command == "watch") return print_(decision_text(object, paint_));
    if (invocation_.command == "entries") return print_(entry_text(object, now_));
    if (invocation_.command == "networks") return print_(networks_text(object));
    if (object.contains("listed")) {
      lines_ += object["listed"].size() - 1;
      for (const Json& matched : object["listed"]) print_(listed_text(matched, now_));
      return;
    }
    print_(record_text(object, now_));
  }

  Result<int> end(const Json& last) {
    const std::string& command = invocation_.command;
    const bool is_list = command == "list" || command == "show" || command == "entries" ||
                         command == "totals" || (command == "networks" && !last.contains("domain"));
    if (invocation_.json) {
      if (!is_list) print_(last_line_ + "\n");
    } else if (!is_list) {
      print_(text_of(last));
    }
    if (command == "query") return last.value("verdict", "") == "accept" ? 0 : kExitNo;
    if (command == "show") return lines_ > 0 ? 0 : kExitNo;
    if (command == "networks" && last.value("end", "") == "temporary") return kExitSystemFailure;
    if (command == "networks" && last.contains("domain")) {
      return last.value("networks", Json::array()).empty() ? kExitNo : 0;
    }
    return 0;
  }

  std::string text_of(const Json& last) const {
    const std::string& command = invocation_.command;
    if (command == "status") return status_text(last, paint_);
    if (command == "stats") return stats_text(last);
    if (command == "networks") return networks_text(last);
    if (command == "query") {
      return query_text(last, invocation_.request.value("client", ""), paint_);
    }
    if (command == "allow" || command == "block") {
      std::string text = (command == "allow" ? "allowed " : "blocked ") + last.value("entry", "");
      if (last.contains("until")) text += " until " + text_of_time(last["until"].get<Seconds>());
      text += "\n";
      for (const Json& matched : last.value("blocked_by", Json::array())) {
        text += paint_.bad("but it is deferred still, ") + listed_text(matched, now_);
      }
      return text;
    }
    return counted_text(last);
  }

  // "1 record forgotten"
  static std::string counted_text(const Json& last) {
    struct Counted {
      std::string_view name, one, many, what;
    };
    static constexpr std::array<Counted, 5> kCounted = {{
        {"forgotten", " record", " records", " forgotten"},
        {"removed", " entry", " entries", " taken back"},
        {"records", " record", " records", " saved"},
        {"expired", " record", " records", " expired"},
        {"entries", " entry", " entries", " in force"},
    }};
    for (const Counted& counted : kCounted) {
      if (!last.contains(counted.name)) continue;
      const auto count = last[std::string(counted.name)].get<std::uint64_t>();
      return std::to_string(count).append(count == 1 ? counted.one : counted.many) +
             std::string(counted.what) + "\n";
    }
    return "done\n";
  }

  Json since(Json request) const {
    if (invocation_.since) {
      request["since"] = std::max<Seconds>(wall_clock() - *invocation_.since, 0);
    }
    return request;
  }

  Result<int> top() {
    top_ = std::make_unique<Top>(invocation_.top_by);
    if (const auto last = ask(since({{"command", "list"}})); !last) {
      return tl::make_unexpected(last.error());
    }
    if (!invocation_.json) {
      print_(top_->text(invocation_.top_most));
      return 0;
    }
    for (const Json& row : top_->json(invocation_.top_most)) print_(row.dump() + "\n");
    return 0;
  }

  Result<int> report() {
    Reporting wanted{.json = invocation_.json, .html = invocation_.html};
    if (invocation_.since) wanted.back = *invocation_.since;
    const report::Look look{paint_.colour(), shows_unicode(), terminal_width()};
    return greyctl::report(wanted, channel_, look, print_);
  }

  Result<int> check() {
    bool good = true;
    const auto bad = [&](const std::string& text) {
      good = false;
      print_(paint_.bad("problem") + " " + text + "\n");
    };
    if (const auto lists = ask(invocation_.request); !lists) {
      if (lists.error().exit_code != kExitSystemFailure) return tl::make_unexpected(lists.error());
      bad(lists.error().text);
    }
    const auto status = ask({{"command", "status"}});
    if (!status) return tl::make_unexpected(status.error());
    for (const Json& problem : status->value("problems", Json::array())) {
      bad(problem.get<std::string>());
    }
    if (good) print_("all is well\n");
    return good ? 0 : kExitNo;
  }

  const Invocation& invocation_;
  Sources& sources_;
  Channel& channel_;
  const Paint& paint_;
  const Print& print_;
  const Seconds now_ = wall_clock();
  std::size_t lines_ = 0;
  std::string last_line_;
  std::unique_ptr<Top> top_;  // of that command
};

}  // namespace

Result<int> run(const Invocation& invocation, Sources& sources, Channel& channel,
                const Paint& paint, const Print& print) {
  return Run(invocation, sources, channel, paint, print).run();
}

}  // namespace grey::greyctl

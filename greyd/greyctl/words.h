// Answers of the control socket in words, for people. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"

namespace grey::greyctl {

using Json = nlohmann::json;

// Colours where a terminal shows them; else none.
class Paint {
 public:
  explicit Paint(bool colour) : colour_(colour) {}
  bool colour() const { return colour_; }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string bad(std::string_view text) const { return wrap("31", text); }
  std::string faint(std::string_view text) const { return wrap("2", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const;
  bool colour_;
};

// "2026-11-26 12:30:00", by the local clock.
std::string text_of_time(Seconds time);

// "uid:0" as "root", where there is such a user.
std::string text_of_asker(std::string_view by);

// The lines of each answer, with their ends. `now`: the daemon's.
std::string status_text(const Json& status, const Paint& paint);
std::string stats_text(const Json& stats);
std::string query_text(const Json& query, std::string_view client, const Paint& paint);
std::string record_text(const Json& record, Seconds now);
std::string entry_text(const Json& entry, Seconds now);     // of `entries`
std::string listed_text(const Json& matched, Seconds now);  // of a list that names somebody
std::string networks_text(const Json& of);                  // of a domain, or one that a list names
std::string decision_text(const Json& decision, const Paint& paint);

}  // namespace grey::greyctl

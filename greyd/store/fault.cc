#include "greyd/store/fault.h"

namespace grey {
namespace {

constexpr std::size_t kMaxQuoted = 120;  // octets of what a server says

constexpr struct {
  std::string_view code;
  Fault fault;
} kCodes[] = {
    {"READONLY", Fault::read_only},
    {"LOADING", Fault::loading},
    {"MASTERDOWN", Fault::master_down},
    {"NOREPLICAS", Fault::no_replicas},
    {"MOVED", Fault::cluster},
    {"ASK", Fault::cluster},
    {"CLUSTERDOWN", Fault::cluster},
    {"CROSSSLOT", Fault::cluster},
    {"TRYAGAIN", Fault::cluster},
    {"NOAUTH", Fault::denied},
    {"WRONGPASS", Fault::denied},
    {"NOPERM", Fault::denied},
    {"DENIED", Fault::denied},  // protected mode
    {"OOM", Fault::full},
    {"MISCONF", Fault::full},
    {"BUSY", Fault::busy},
    {"NOSCRIPT", Fault::no_script},
};

std::string quote(std::string_view text) {
  std::string quoted;
  for (const char c : text.substr(0, kMaxQuoted)) quoted += c < ' ' || c > '~' ? '?' : c;
  if (text.size() > kMaxQuoted) quoted += "...";
  return quoted;
}

}  // namespace

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::down:
      return "down";
    case Fault::too_many:
      return "too_many";
    case Fault::gone:
      return "gone";
    case Fault::unresolved:
      return "unresolved";
    case Fault::unreachable:
      return "unreachable";
    case Fault::timed_out:
      return "timed_out";
    case Fault::closed:
      return "closed";
    case Fault::no_redis:
      return "no_redis";
    case Fault::old_version:
      return "old_version";
    case Fault::not_master:
      return "not_master";
    case Fault::cluster:
      return "cluster";
    case Fault::denied:
      return "denied";
    case Fault::bad_sentinel:
      return "bad_sentinel";
    case Fault::read_only:
      return "read_only";
    case Fault::loading:
      return "loading";
    case Fault::master_down:
      return "master_down";
    case Fault::no_replicas:
      return "no_replicas";
    case Fault::full:
      return "full";
    case Fault::busy:
      return "busy";
    case Fault::no_script:
      return "no_script";
    case Fault::refused:
      return "refused";
  }
  return "refused";
}

Fault fault_of(std::string_view error) {
  // Within a script, Redis 7 says "READONLY You can't write ... script: <sha>, on @user_script:1.";
  // what a script passes on as text begins with the code, too.
  const std::string_view code = error.substr(0, error.find(' '));
  // Of a right that is missing within a script it says no code.
  if (error.starts_with("ERR The user executing the script can't ")) return Fault::denied;
  for (const auto& row : kCodes) {
    if (row.code == code) return row.fault;
  }
  return Fault::refused;
}

Failure failure_of(std::string_view error) {
  return {fault_of(error), quote(error)};
}

bool ends_link(Fault fault) {
  switch (fault) {
    case Fault::down:
    case Fault::too_many:
    case Fault::gone:
    case Fault::timed_out:  // the answer may only be late: the breaker ends it
    case Fault::full:       // another connection would not help
    case Fault::busy:
    case Fault::no_script:
    case Fault::refused:
      return false;
    default:
      return true;
  }
}

bool may_pass(Fault fault) {
  switch (fault) {
    case Fault::no_redis:
    case Fault::old_version:
    case Fault::not_master:
    case Fault::cluster:
    case Fault::denied:
    case Fault::bad_sentinel:
    case Fault::refused:
      return false;
    default:
      return true;
  }
}

bool is_stores_failure(Fault fault) {
  switch (fault) {
    case Fault::down:
    case Fault::too_many:
    case Fault::gone:
    case Fault::no_script:
      return false;
    default:
      return true;
  }
}

}  // namespace grey

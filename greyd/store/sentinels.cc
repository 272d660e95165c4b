#include "greyd/store/sentinels.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/split.h"
#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr std::string_view kChannel = "+switch-master";
constexpr LinkLimits kAsking{200, 100, 16, 64 << 10};
// Nobody waits for these; one that hangs is found by its PING.
constexpr LinkLimits kListening{1000, 1000, 16, 64 << 10};
constexpr double kBeat = 1;             // seconds between two PINGs, and before one is tried again
constexpr std::size_t kMaxQuoted = 60;  // octets of what a Sentinel says

std::optional<StorePlace> read_master(std::string_view host, std::string_view port) {
  std::uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(port.data(), end, number);
  if (error != std::errc() || rest != end || number == 0 || !is_store_host(host))
    return std::nullopt;
  return StorePlace{std::string(host), number};
}

// "NAME old-host old-port new-host new-port"
std::optional<StorePlace> read_switch(std::string_view payload, std::string_view name) {
  if (take_field(payload) != name) return std::nullopt;
  take_field(payload);
  take_field(payload);
  const std::string_view host = take_field(payload), port = take_field(payload);
  return payload.empty() ? read_master(host, port) : std::nullopt;
}

// Which of two to tell an operator of: what somebody has said, before that nobody is there.
const Failure& more_telling(const Failure& one, const Failure& other) {
  const auto said = [](const Failure& failure) {
    return failure.fault == Fault::bad_sentinel || failure.fault == Fault::denied ||
           failure.fault == Fault::no_redis || failure.fault == Fault::refused;
  };
  return said(one) && !said(other) ? one : other;
}

// Who may need to be known, as which a Sentinel's answers need.
class SentinelLogin {
 public:
  SentinelLogin(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

  // Logs in, where that may help against `failure`. Its own answers are not looked at: what is
  // asked next tells. A Sentinel has often a password alone (requirepass), where the store has
  // users.
  bool log_in(RedisLink& link, const Failure& failure) const {
    if (failure.fault != Fault::denied || password_.empty()) return false;
    const auto ignore = [](const Outcome&) {};
    if (!user_.empty()) link.command({"AUTH", user_, password_}, ignore);
    link.command({"AUTH", password_}, ignore);
    return true;
  }

 private:
  std::string user_, password_;
};

// Listens to one Sentinel, and begins anew when it has gone.
class Listening {
 public:
  Listening(EventLoop& loop, Resolver& resolver, StorePlace place, const SentinelLogin& login,
            std::function<void(const std::string& payload)> on_switch)
      : place_(std::move(place)),
        login_(login),
        link_(
            loop, resolver, {}, kListening, [this](const Failure&) { active_ = false; },
            [switched = std::move(on_switch)](const std::string& channel,
                                              const std::string& payload) {
              if (channel == kChannel) switched(payload);
            }),
        beat_(loop.every(kBeat, [this] { beat(); })),
        first_(loop.after(0, [this] { beat(); })) {}

  bool active() const { return active_; }
  const StorePlace& place() const { return place_; }

 private:
  void beat() {
    if (!link_.ready()) return begin();
    // One that has not answered in a second is given up: the next beat begins anew.
    link_.command({"PING"}, [this](const Outcome& outcome) {
      if (!outcome && outcome.error().fault == Fault::timed_out) end();
    });
  }
  void begin() {
    active_ = false;
    link_.connect(place_, [this](const std::optional<Failure>& why_not) {
      if (!why_not) subscribe(true);
    });
  }
  void subscribe(bool may_log_in) {
    link_.command({"SUBSCRIBE", std::string(kChannel)}, [this, may_log_in](const Outcome& outcome) {
      active_ = outcome && outcome->is_array() && !outcome->items.empty() &&
                outcome->items[0].is("subscribe");
      if (active_) return;
      if (!outcome && may_log_in && login_.log_in(link_, outcome.error())) return subscribe(false);
      end();
    });
  }
  void end() {
    active_ = false;
    link_.close();
  }

  StorePlace place_;
  const SentinelLogin& login_;
  bool active_ = false;
  RedisLink link_;
  EventLoop::Timer beat_, first_;
};

}  // namespace

struct Sentinels::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventLoop& loop, Resolver& resolver, const StoreUrl& url, const std::string& password,
       OnSwitch switched)
      : places(url.places),
        name(url.master),
        login(url.user, password),
        on_switch(std::move(switched)),
        asker(loop, resolver, {}, kAsking, nullptr) {
    for (const StorePlace& place : places) {
      listeners.push_back(std::make_unique<Listening>(
          loop, resolver, place, login,
          [this, by = to_string(place)](const std::string& payload) { heard(payload, by); }));
    }
  }

  void heard(const std::string& payload, const std::string& by) {
    const std::shared_ptr<Impl> self = shared_from_this();
    if (const std::optional<StorePlace> master = read_switch(payload, name))
      on_switch({*master, by});
  }

  void ask_next() {
    if (tried == places.size()) {
      return give(tl::make_unexpected(
          Failure{worst.fault,
                  places.size() == 1 ? worst.text : "no Sentinel names a master: " + worst.text}));
    }
    const StorePlace& place = places[(first + tried++) % places.size()];
    asker.connect(place, [this](const std::optional<Failure>& why_not) {
      why_not ? failed(*why_not) : ask(true);
    });
  }
  void ask(bool may_log_in) {
    asker.command({"SENTINEL", "get-master-addr-by-name", name},
                  [this, may_log_in](const Outcome& outcome) { answered(outcome, may_log_in); });
  }
  void answered(const Outcome& outcome, bool may_log_in) {
    if (!found) return;  // cancel()
    if (!outcome) {
      if (may_log_in && login.log_in(asker, outcome.error())) return ask(false);
      return failed(outcome.error());
    }
    const std::string by = asker.where();
    if (outcome->is_nil()) {
      return failed({Fault::bad_sentinel, by + ": this Sentinel knows no store '" + name + "'"});
    }
    const std::vector<Reply>& items = outcome->items;
    const bool is_place = items.size() == 2 && items[0].is_bytes() && items[1].is_bytes();
    const std::optional<StorePlace> master =
        is_place ? read_master(items[0].text, items[1].text) : std::nullopt;
    if (!master) {
      const std::string said =
          is_place ? ": " + to_word(items[0].text.substr(0, kMaxQuoted)) : std::string();
      return failed(
          {Fault::bad_sentinel, by + ": this Sentinel names no master that can be" + said});
    }
    first = (first + tried - 1) % places.size();
    give(Word{*master, by});
  }
  void failed(const Failure& failure) {
    worst = tried == 1 ? failure : more_telling(worst, failure);
    ask_next();
  }
  void give(const tl::expected<Word, Failure>& result) {
    const std::shared_ptr<Impl> self = shared_from_this();
    const Found told = std::exchange(found, nullptr);
    asker.close();
    if (told) told(result);
  }

  const std::vector<StorePlace> places;
  const std::string name;
  const SentinelLogin login;
  OnSwitch on_switch;

  Found found;            // nobody: nothing is being asked
  std::size_t first = 0;  // of the places, to ask
  std::size_t tried = 0;  // how many have been asked
  Failure worst;
  RedisLink asker;
  std::vector<std::unique_ptr<Listening>> listeners;
};

Sentinels::Sentinels(EventLoop& loop, Resolver& resolver, const StoreUrl& url,
                     const std::string& password, OnSwitch on_switch)
    : impl_(std::make_shared<Impl>(loop, resolver, url, password, std::move(on_switch))) {}

// Whose callback runs keeps what is behind it; nothing is begun there any more.
Sentinels::~Sentinels() {
  cancel();
  impl_->listeners.clear();
}

void Sentinels::find(Found found) {
  const std::shared_ptr<Impl> impl = impl_;
  cancel();
  impl->found = std::move(found);
  impl->tried = 0;
  impl->ask_next();
}
void Sentinels::cancel() {
  impl_->found = nullptr;
  impl_->asker.close();
}
void Sentinels::doubt() {
  impl_->first = (impl_->first + 1) % impl_->places.size();
}
std::size_t Sentinels::listening() const {
  return std::size_t(std::count_if(impl_->listeners.begin(), impl_->listeners.end(),
                                   [](const auto& one) { return one->active(); }));
}

}  // namespace grey

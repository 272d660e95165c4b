#include "greyd/shared/shared_state.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "greyd/net/background_thread.h"
#include "greyd/shared/meeting_keeper.h"
#include "greyd/shared/store_probe.h"
#include "greyd/shared/unsaid.h"

namespace grey::shared {
namespace {

constexpr double kTick = 1;           // seconds: how often others are met
constexpr double kSlicePause = 0.01;  // seconds between slices of healing and forgetting
// For what no mail waits for: 16 kB each second go over the slowest link that will do.
constexpr std::chrono::milliseconds kUnhurried(1000);

std::string text_of(Reply& reply) {
  return reply.is_integer() ? std::to_string(reply.integer) : std::move(reply.text);
}

std::vector<std::string> texts_of(Reply reply) {
  std::vector<std::string> texts;
  if (!reply.is_array()) {
    texts.push_back(text_of(reply));
    return texts;
  }
  texts.reserve(reply.items.size());
  for (Reply& item : reply.items) texts.push_back(text_of(item));
  return texts;
}

// The link as one that runs scripts. `on_failure` is told of each call that fails.
class Link : public ScriptStore {
 public:
  Link(StoreLink& link, std::function<void()> on_failure)
      : link_(link), on_failure_(std::move(on_failure)) {}

  bool up() const override { return link_.up(); }
  const std::string& last_refusal() const { return last_refusal_; }
  void call(const Call& call, Done done) override {
    link_.eval(
        call.script, call.keys, call.arguments,
        [this, done = std::move(done)](Outcome outcome) {
          if (!outcome) {
            last_refusal_ = outcome.error().text;
            on_failure_();
            return done(nullptr);
          }
          const std::vector<std::string> texts = texts_of(std::move(*outcome));
          done(&texts);
        },
        call.unhurried ? kUnhurried : std::chrono::milliseconds(0));
  }

 private:
  StoreLink& link_;
  const std::function<void()> on_failure_;
  std::string last_refusal_ = "they do not come in time, or are too many";
};

// The same for who is a member alone.
class MembersLink : public ScriptStore {
 public:
  MembersLink(Link& link, const Member& member) : link_(link), member_(member) {}
  bool up() const override { return link_.up() && member_.state() == Member::State::member; }
  void call(const Call& call, Done done) override { link_.call(call, std::move(done)); }

 private:
  Link& link_;
  const Member& member_;
};

}  // namespace

struct SharedState::Impl {
  Impl(EventLoop& loop, Background& background, const SharedSettings& settings, Service& service,
       SharedCounters& counters, Clock wall_clock, const Report& report)
      : clock(std::move(wall_clock)),
        keys(settings.key),
        names(loop, BackgroundThread::AtEnd::abandon),
        keeper(meeting_path(settings.context_file), background, report),
        store(loop, names, store_settings(settings), [this](bool up) { on_state(up); }),
        link(store, [this] { on_failure(); }),
        member(service, link, settings.key, name_in_run(settings.name), keeper.load(clock()),
               counters.member, report),
        members_link(link, member),
        orders(service, members_link, place_of(settings.name), counters.orders),
        unsaid(unsaid_path(settings.context_file), background, report),
        decider(service, members_link, keys, orders, counters.decider,
                {[&loop] { loop.step(); }, [this] { turn_end.start(); }}),
        turn_end(loop.at_turn_end([this] { decider.settle(); })),
        tick(loop.every(kTick, [this] { on_tick(); })),
        slices(loop.every(kSlicePause, [this] { on_slice(); })) {
    slices.stop();
    orders.restore(unsaid.load(clock()));
    // Until it has heard what the others have forgotten the store is not to be believed.
    member.on_joined([this] { orders.tick(clock()); });
  }

  static std::string name_in_run(std::string name) {
    std::replace(name.begin(), name.end(), ':', '.');
    return name;
  }
  static StoreSettings store_settings(const SharedSettings& settings) {
    StoreSettings of;
    of.url = settings.url;
    of.password = settings.password;
    of.probe = store_probe();
    return of;
  }

  // What people are to read of it: no two runs have the same name, its last part is for that.
  static std::string place_of(const std::string& name) { return name.substr(0, name.rfind('.')); }

  // The server that it was up at before has forgotten nothing meanwhile: orders are heard from
  // where they were. To hear all anew each time would keep who is cut off often from ever being
  // done, as it would for an answer that is late.
  void on_state(bool up) {
    if (!up) return on_failure();
    if (store.server_run().empty() || store.server_run() != server_run) orders.join();
    server_run = store.server_run();
    on_tick();
  }
  void on_failure() { store.up() ? member.missed() : member.lost(); }
  void on_tick() {
    const Seconds now = clock();
    if (decider.take_untold()) member.tell_all();
    member.tick(now);
    keeper.keep(member.last_meeting(), now);
    if (std::exchange(run, member.last_meeting().run) != run) orders.join();  // they may be lost
    orders.tick(now);
    keep_unsaid();
    if (member.healing() || orders.busy()) slices.restart();
  }
  void keep_unsaid() {
    unsaid.keep(orders.unsaid_version(), [this] { return orders.unsaid(); });
  }
  void on_slice() {
    if (member.healing()) member.heal(clock());
    if (orders.busy()) orders.work();
    if (!member.healing() && !orders.busy()) slices.stop();
  }

  const Clock clock;
  const Keys keys;
  BackgroundThread names;  // looks them up, which may take long
  MeetingKeeper keeper;
  StoreLink store;
  Link link;
  Member member;
  MembersLink members_link;
  Orders orders;
  UnsaidKeeper unsaid;
  SharedDecider decider;
  std::string run;         // of the store, in which orders were heard
  std::string server_run;  // in which they were: StoreLink::server_run()
  EventLoop::TurnEnd turn_end;
  EventLoop::Timer tick, slices;
};

SharedState::SharedState(EventLoop& loop, Background& background, const SharedSettings& settings,
                         Service& service, SharedCounters& counters, Clock clock,
                         const Report& report)
    : impl_(std::make_unique<Impl>(loop, background, settings, service, counters, std::move(clock),
                                   report)) {}

// Whoever waits for the store is told that it is gone, while all that could be told is there.
SharedState::~SharedState() {
  impl_->store.close();
}

void SharedState::wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now,
                               const Ip& asker) {
  impl_->decider.wait_in_pool(waiting, pool, now, asker);
}

Decider& SharedState::decider() {
  return impl_->decider;
}
void SharedState::save() {
  impl_->keeper.save(impl_->member.last_meeting());
  impl_->unsaid.save(impl_->orders.unsaid_version(), impl_->orders.unsaid());
}
void SharedState::say(Order order) {
  impl_->orders.look_at(impl_->clock());
  impl_->orders.say(std::move(order));
  impl_->keep_unsaid();
}
Member::State SharedState::state() const {
  return impl_->member.state();
}
bool SharedState::healing() const {
  return impl_->member.healing();
}
Seconds SharedState::clock_ahead() const {
  return impl_->member.clock_ahead();
}
std::string SharedState::others_policy() const {
  return impl_->member.others_policy();
}
Orders::Trouble SharedState::orders_trouble() const {
  return impl_->orders.trouble();
}
std::string SharedState::last_refusal() const {
  return impl_->link.last_refusal();
}
StoreStatus SharedState::store() const {
  return impl_->store.status();
}
StoreCounters SharedState::link_counters() const {
  return impl_->store.counters();
}

}  // namespace grey::shared

#include "greyd/lookups/lookups.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "greyd/spf/dns_data.h"

namespace grey {
namespace {

constexpr double kSecond = 1;
constexpr int kMostAtOnce = 32;           // messages taken before others get their turn
constexpr std::size_t kMostOthers = 100;  // in a second

spf::Flattened unknown() {
  return {spf::Ended::temporary, spf::kLeastTtl, {}};
}

// "by signal 9", "with exit code 127"
std::string end_text(int status) {
  if (WIFSIGNALED(status)) return "by signal " + std::to_string(WTERMSIG(status));
  return "with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Lookups::Lookups(EventLoop& loop, Fd socket, Clocks clocks, Report report, LookupCounters& counters,
                 const NetworkCache::Bounds& bounds)
    : clock_(std::move(clocks.clock)),
      never_set_(std::move(clocks.never_set)),
      report_(std::move(report)),
      counters_(counters),
      cache_(bounds),
      socket_(std::move(socket)) {
  if (!socket_) return;
  watch_ = loop.watch(socket_.get(), EventLoop::kRead, [this](unsigned) { on_ready(); });
  timer_ = loop.every(kSecond, [this] { on_second(); });
}

// ---- what is asked for -------------------------------------------------------------------------

const NetworkSet* Lookups::find(std::string_view domain, Seconds now) const {
  const NetworkCache::Known* const known = cache_.find(domain, now);
  return known == nullptr ? nullptr : &known->set();
}

void Lookups::want(std::string_view domain, Seconds now, const Ip& by) {
  const auto name = spf::read_name(domain);
  if (!name || !cache_.is_due(*name, now) || open_.contains(*name)) return;
  if (!queue(*name, false, by)) ++counters_.refused;
}

void Lookups::want_first(std::string_view domain) {
  const auto name = spf::read_name(domain);
  if (!name || open_.contains(*name)) return;
  if (!queue(*name, true)) ++counters_.refused;
}

void Lookups::ask(std::string_view domain, Done done) {
  const auto name = spf::read_name(domain);
  if (!name) return done({spf::Ended::not_a_domain, spf::kLeastTtl, {}});
  auto at = open_.find(*name);
  if (at == open_.end() && queue(*name, true)) at = open_.find(*name);
  if (at != open_.end()) {
    at->second.done.push_back(std::move(done));
  } else {
    done(unknown());
  }
}

bool Lookups::queue(std::string_view domain, bool first, const Ip& by) {
  if (!socket_ || (!first && waiting_.size() >= kMostWaiting)) return false;
  if (first && waiting_.size() >= 2 * kMostWaiting) return false;
  std::string name(domain);
  Open& open = open_.try_emplace(name).first->second;
  open.since = never_set_();
  open.by = by;
  if (first) {
    waiting_.push_front(std::move(name));
  } else {
    waiting_.push_back(std::move(name));
  }
  ask_next();
  return true;
}

void Lookups::ask_next() {
  while (up_ && !waiting_.empty() && asked_.size() < kMostAsked) {
    const auto at = open_.find(waiting_.front());
    if (!send(at->first, at->second)) return;  // until the next second
    asked_.emplace(at->second.id, at);
    waiting_.pop_front();
    ++counters_.asked;
  }
}

bool Lookups::send(const std::string& domain, Open& open) {
  do {
    ++last_id_;
  } while (last_id_ == 0 || asked_.contains(last_id_));
  const std::string text = spf::to_text(spf::DomainQuestion{last_id_, domain});
  if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
  open.id = last_id_;
  open.since = never_set_();
  return true;
}

// ---- what is answered --------------------------------------------------------------------------

void Lookups::on_ready() {
  for (int i = 0; i < kMostAtOnce && socket_; ++i) {
    if (!receive()) return;
  }
}

bool Lookups::receive() {
  char text[spf::kMaxMessage + 1];
  const ssize_t size = ::recv(socket_.get(), text, sizeof text, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    close("its processes have gone");
    return false;
  }
  take(std::string_view(text, std::size_t(size)));
  return true;
}

void Lookups::take(std::string_view text) {
  const auto message = spf::read_message(text);
  if (!message) return take_bad();
  std::visit([this](const auto& kind) { take(kind); }, *message);
}

void Lookups::take(const spf::DomainAnswer& answer) {
  const auto asked = asked_.find(answer.id);
  if (asked == asked_.end() || asked->second->first != answer.domain) return take_bad();
  ++counters_.answered[std::size_t(answer.flattened.ended)];
  end(asked->second, answer.flattened);
  ask_next();
}

void Lookups::take(const spf::HelperUp&) {
  if (up_) return take_bad();
  count_other();
  if (!socket_) return;
  up_ = true;
  trouble_.clear();
  if (std::exchange(has_died_, false)) ++counters_.restarts;
  ask_next();
}

void Lookups::take(const spf::HelperTrouble& trouble) {
  if (up_) return take_bad();  // it says so before it begins
  count_other();
  trouble_ = trouble.text;
  say("look-ups: " + trouble.text);
}

// It may be the helper itself that says so: that does no harm.
void Lookups::take(const spf::HelperDied& died) {
  count_other();
  has_died_ = true;
  up_ = false;
  counters_.lost += fail_asked(INT64_MAX);
  if (died.status == 0) return;  // it has read resolv.conf again, by beginning anew
  const std::string text = "its helper has ended " + end_text(died.status);
  if (trouble_.empty()) say("look-ups: " + text + ", and is started anew");
  if (trouble_.empty()) trouble_ = text;
}

void Lookups::take_bad() {
  ++counters_.bad;
  count_other();
}

void Lookups::count_other() {
  if (++others_ >= kMostOthers && socket_) close("its helper says what makes no sense");
}

void Lookups::end(Opens::iterator at, const spf::Flattened& flattened) {
  const Seconds now = clock_();
  const std::string domain = at->first;
  const Ip by = at->second.by;
  const std::vector<Done> done = std::move(at->second.done);
  asked_.erase(at->second.id);
  open_.erase(at);
  counters_.evicted += cache_.put(domain, flattened, now, by);
  if (ended_) ended_(domain, flattened, now);
  if (learned_ && flattened.ended != spf::Ended::temporary) {
    if (const NetworkSet* const networks = find(domain, now)) learned_(domain, *networks);
  }
  for (const Done& told : done) told(flattened);
}

// Of those that were asked about before that. How many.
std::size_t Lookups::fail_asked(Seconds asked_before) {
  std::vector<std::uint32_t> failed;
  for (const auto& [id, at] : asked_) {
    if (at->second.since < asked_before) failed.push_back(id);
  }
  for (const std::uint32_t id : failed) {
    const auto asked = asked_.find(id);
    if (asked != asked_.end()) end(asked->second, unknown());
  }
  return failed.size();
}

void Lookups::on_second() {
  counters_.timed_out += fail_asked(never_set_() - kTime);
  others_ = 0;
  give_up_waiting();
  ask_next();
}

// There is nobody to ask, or the DNS is too slow for all.
void Lookups::give_up_waiting() {
  const Seconds before = never_set_() - kMostWait;
  std::vector<std::string> late;
  std::erase_if(waiting_, [&](const std::string& domain) {
    const bool is_late = open_.find(domain)->second.since < before;
    if (is_late) late.push_back(domain);
    return is_late;
  });
  for (const std::string& domain : late) {
    ++counters_.refused;
    if (const auto at = open_.find(domain); at != open_.end()) end(at, unknown());
  }
}

// ---- the end -----------------------------------------------------------------------------------

void Lookups::close(const std::string& why) {
  up_ = false;
  trouble_ = why;
  report_("look-ups: " + why + ": nothing is learned until a restart");
  watch_.reset();
  timer_.reset();
  socket_.reset();
  counters_.lost += fail_asked(INT64_MAX);
  while (!waiting_.empty()) {
    const auto at = open_.find(waiting_.front());
    waiting_.pop_front();
    if (at != open_.end()) end(at, unknown());
    ++counters_.refused;
  }
}

void Lookups::say(const std::string& text) {
  const auto count = limit_.due(clock_());
  if (count > 0) report_(count > 1 ? text + " count=" + std::to_string(count) : text);
}

Lookups::Standing Lookups::standing() const {
  return {up_, trouble_, asked_.size(), waiting_.size(), cache_.size(), cache_.octets()};
}

}  // namespace grey

#include "greyd/lookup_helper/domains.h"

#include <utility>
#include <vector>

namespace grey {
namespace {

spf::Flattened unknown() {
  return {spf::Ended::temporary, spf::kLeastTtl, {}};
}

}  // namespace

void Domains::begin(const spf::DomainQuestion& question, std::int64_t now) {
  if (domains_.size() >= kMost || dns_.open() >= kMostQuestions) {
    tell_({question.id, question.domain, unknown()});
    return;
  }
  const std::uint64_t number = next_++;
  domains_.emplace(number, Domain{question, spf::Flattening(question.domain), now + kTime});
  ask(number);
}

// The questions of a wave, each once. Nobody answers in the call that asks.
void Domains::ask(std::uint64_t number) {
  const auto at = domains_.find(number);
  if (at->second.flattening.done()) {
    const spf::Flattened flattened = at->second.flattening.result();
    return end(number, flattened);
  }
  const std::vector<spf::Question>& questions = at->second.flattening.questions();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto done = [this, number, i](const spf::Answer& answer) { take(number, i, answer); };
    if (!dns_.ask(questions[i], done)) return end(number, unknown());
  }
}

void Domains::take(std::uint64_t number, std::size_t i, const spf::Answer& answer) {
  const auto at = domains_.find(number);
  if (at == domains_.end()) return;  // it was given up
  spf::Flattening& flattening = at->second.flattening;
  const std::size_t left = flattening.missing();
  flattening.answer(i, answer);
  if (left == 1) ask(number);
}

void Domains::end(std::uint64_t number, const spf::Flattened& flattened) {
  const auto at = domains_.find(number);
  const spf::DomainAnswer answer{at->second.question.id, at->second.question.domain, flattened};
  domains_.erase(at);
  tell_(answer);
}

// They have all the same time, so those that came first are over first.
void Domains::give_up_overdue(std::int64_t now) {
  while (!domains_.empty() && domains_.begin()->second.until <= now) {
    end(domains_.begin()->first, unknown());
  }
}

}  // namespace grey

// A decider that answers when a test says, in the order that it says, or never.
#pragma once

#include <doctest/doctest.h>

#include <list>
#include <new>
#include <string>
#include <vector>

#include "greyd/core/decider.h"
#include "tests/unit/core/decided.h"

namespace grey::testing {

class LateDecider : public Decider {
 public:
  enum class Fails { no, at_once, after_one };
  Fails fails = Fails::no;       // decide() throws, perhaps when it has answered the first query
  bool at_once = false;          // decide() answers before it returns
  bool silent = false;           // drain() gives up
  std::size_t forgotten = 0;     // batches that the front has given up
  std::size_t most_queries = 0;  // of a batch
  std::size_t told = 0;          // datagrams of what was sent
  Decided decision{testing::decided(wire::Reason::known)};

  std::size_t batches() const { return asked_.size(); }
  std::size_t queries() const {
    std::size_t open = 0;
    for (const Asked& one : asked_) open += one.left;
    return open;
  }
  std::string sender(std::size_t batch, std::size_t index) const {
    return std::string(std::next(asked_.begin(), long(batch))->batch[index].sender);
  }

  // The queries are as they were when they were asked.
  void answer(std::size_t batch, std::size_t index) {
    const auto at = std::next(asked_.begin(), long(batch));
    REQUIRE(at->open[index]);
    CHECK(at->batch[index].sender == at->senders[index]);
    at->open[index] = false;
    const Done done = at->done;
    if (--at->left == 0) asked_.erase(at);
    done(index, decision);
  }
  // All of a batch, the last first.
  void answer(std::size_t batch) {
    const auto open = std::next(asked_.begin(), long(batch))->open;
    for (std::size_t i = open.size(); i-- > 0;) {
      if (open[i]) answer(batch, i);
    }
  }
  // The last batch first.
  void answer_all() {
    while (!asked_.empty()) answer(asked_.size() - 1);
  }

  void decide(std::span<const wire::Query> batch, Seconds, Done done) override {
    REQUIRE(!batch.empty());
    if (fails == Fails::after_one) done(0, decision);
    if (fails != Fails::no) throw std::bad_alloc();
    std::vector<std::string> senders;
    for (const wire::Query& query : batch) senders.emplace_back(query.sender);
    most_queries = std::max(most_queries, batch.size());
    asked_.push_back({batch, std::move(senders), std::vector<bool>(batch.size(), true),
                      batch.size(), std::move(done)});
    if (at_once) answer(asked_.size() - 1);
  }
  void sent(std::span<const wire::Sent> all, Seconds) override { told += all.size(); }
  void forget(std::span<const wire::Query> batch) noexcept override {
    forgotten +=
        std::erase_if(asked_, [&](const Asked& one) { return one.batch.data() == batch.data(); });
  }
  void drain() override { silent ? asked_.clear() : answer_all(); }

 private:
  struct Asked {
    std::span<const wire::Query> batch;
    std::vector<std::string> senders;
    std::vector<bool> open;
    std::size_t left;
    Done done;
  };
  std::list<Asked> asked_;
};

}  // namespace grey::testing

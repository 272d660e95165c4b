#include "greyd/state/save_cycle.h"

#include <doctest/doctest.h>

#include <vector>

using namespace grey;
using Phase = SaveCycle::Phase;

namespace {

// One who saves as StateFiles does, with faults where the test wants them. `in_memory` counts what
// no file has: the cycle must see to it that it becomes none.
struct Saver {
  enum class Event { tick, ask, step, journal_breaks, file_vanishes, save_fails, begin_fails };
  static constexpr int kEvents = 7;

  SaveCycle cycle;
  Seconds clock = 1000;
  bool journal_on = true;
  bool in_memory = false;        // changes that no file has
  bool in_memory_since = false;  // of them, some since the snapshot that is being written was begun
  bool begin_fails = false;
  int attempts = 0;

  void change() {  // of a record
    if (!journal_on) in_memory = in_memory_since = true;
  }
  void begin() {
    ++attempts;
    if (begin_fails) {
      journal_on ? cycle.failed() : void(cycle.lost());
      return;
    }
    journal_on = true;
    in_memory_since = false;
    cycle.begun();
  }
  void do_tick() {
    cycle.tick(++clock);
    if (cycle.due()) begin();
  }
  void step() {
    if (cycle.phase() == Phase::walking) {
      cycle.closing();
    } else if (cycle.phase() == Phase::closing) {
      in_memory = in_memory_since;
      cycle.finished();
    }
  }
  void happen(Event event) {
    switch (event) {
      case Event::tick:
        return do_tick();
      case Event::ask:
        if (cycle.ask()) begin();
        return;
      case Event::step:
        return step();
      case Event::journal_breaks:
      case Event::file_vanishes:
        if (!journal_on) return;
        journal_on = false;
        cycle.lost(event == Event::file_vanishes);
        return;
      case Event::save_fails:
        if (cycle.saving()) cycle.failed();
        return;
      case Event::begin_fails:
        begin_fails = !begin_fails;
        return;
    }
  }
};

}  // namespace

TEST_CASE("whatever fails, in whatever order, all is on the disk two minutes later") {
  constexpr int kLength = 7;
  int orders = 1;
  for (int i = 0; i < kLength; ++i) orders *= Saver::kEvents;
  for (int order = 0; order < orders; ++order) {
    Saver saver;
    for (int i = 0, rest = order; i < kLength; ++i, rest /= Saver::kEvents) {
      saver.happen(Saver::Event(rest % Saver::kEvents));
      saver.change();
      // What is in memory alone is known to be, unless the snapshot under way heals it.
      if (saver.in_memory) REQUIRE(saver.cycle.has_lost());
    }
    saver.begin_fails = false;
    for (int second = 0; second < 121; ++second) {
      saver.do_tick();
      saver.step();
      saver.step();
      saver.change();
    }
    INFO("order ", order);
    REQUIRE(saver.journal_on);
    REQUIRE_FALSE(saver.in_memory);
    REQUIRE_FALSE(saver.cycle.has_lost());
    REQUIRE_FALSE(saver.cycle.saving());
    REQUIRE_FALSE(saver.cycle.due());
  }
}

TEST_CASE("while nothing can be begun it is tried once a minute") {
  Saver saver;
  saver.do_tick();
  saver.begin_fails = true;
  saver.happen(Saver::Event::journal_breaks);
  for (int second = 0; second < 600; ++second) saver.do_tick();
  CHECK(saver.attempts == 10);
}

TEST_CASE("a file that vanishes is healed at the next tick, but not twice a minute") {
  Saver saver;
  saver.do_tick();
  for (int second = 0; second < 120; ++second) {
    saver.happen(Saver::Event::file_vanishes);
    saver.do_tick();
    saver.step();
    saver.step();
  }
  CHECK(saver.attempts == 3);
}

TEST_CASE("what fails before the first tick is tried again a minute after it") {
  Saver saver;
  saver.happen(Saver::Event::journal_breaks);
  for (int second = 0; second < 60; ++second) saver.do_tick();
  CHECK(saver.attempts == 0);
  saver.do_tick();
  CHECK(saver.attempts == 1);
}

// How the text of a rule gets into the answer to a datagram: real sockets on loopback, and a
// decider that says what the test does.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "greyd/fronts/udp_front.h"
#include "tests/unit/fronts/late_decider.h"
#include "tests/unit/fronts/udp_asker.h"

using namespace grey;
using namespace std::string_literals;
using testing::Asker;
using testing::decided;
using testing::under_text;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000;
const std::string kEnvelope = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0"s;
const std::string kInWords = "ask ann@x.org, or wait %t";

struct Fixture {
  Fixture() {
    UdpSettings settings;
    (void)settings.allow.add("127.0.0.0/8");
    settings.allow.build();
    front.emplace(std::move(settings), std::move(socket), decider, pipe, *logger, counters);
    decider.at_once = true;
  }
  ~Fixture() {
    ::close(log[0]);
    ::close(log[1]);
  }
  // What is answered to a query with these additions, when this is decided.
  std::string answer(const std::string& additions, const Decided& decision) {
    return answer_to(kEnvelope + additions + '\0', decision);
  }
  std::string answer_to(const std::string& datagram, const Decided& decision) {
    decider.decision = decision;
    REQUIRE(asker.ask(datagram));
    do front->handle(kNow);
    while (front->pending());
    return asker.answer();
  }
  std::string logged() {
    char text[4096];
    const ssize_t size = ::read(log[0], text, sizeof text);
    return size > 0 ? std::string(text, std::size_t(size)) : "";
  }

  int log[2] = {-1, -1};
  int made = ::pipe2(log, O_NONBLOCK | O_CLOEXEC);
  LogPipe pipe{log[1]};
  std::shared_ptr<spdlog::logger> logger = make_logger(pipe);
  testing::LateDecider decider;
  std::uint16_t port = 0;
  Fd socket = testing::bind_any_port(port);
  UdpCounters counters;
  std::optional<UdpFront> front;
  Asker asker{"127.0.0.1", port};
};

}  // namespace

TEST_CASE("who asks with X is told the text of the rule, with the wait before it") {
  Fixture f;
  const Decided early = under_text({decided(Reason::early, 240)}, kInWords);
  CHECK(f.answer("X\0Qtag\0"s, early) == "\0\2\0\0\0\x3c"s + kInWords + "tag");
  CHECK(f.answer("W\0X\0Qtag\0"s, early) == "\0\2\0\0\0\x3c"s + kInWords + "tag");
  CHECK(f.answer("X\0"s, early) == "\0\2\0\0\0\x3c"s + kInWords);
  const Decided nobody_knows = under_text({decided(Reason::blacklisted)}, kInWords);
  CHECK(f.answer("X\0Qtag\0"s, nobody_knows) == "\0\5\0\0\0\0"s + kInWords + "tag");
}

TEST_CASE("who does not ask for it is answered as ever") {
  Fixture f;
  const Decided early = under_text({decided(Reason::early, 240)}, kInWords);
  CHECK(f.answer("", early) == "\0\2"s);
  CHECK(f.answer("W\0Qtag\0"s, early) == "\0\2\0\0\0\x3ctag"s);
  CHECK(f.answer("Qtag\0"s, early) == "\0\2tag"s);
}

TEST_CASE("X changes nothing where no rule has a text, or nothing is deferred") {
  Fixture f;
  const Decided early{decided(Reason::early, 240)};
  CHECK(f.answer("X\0Qtag\0"s, early) == "\0\2tag"s);
  CHECK(f.answer("W\0X\0Qtag\0"s, under_text(early, "")) == "\0\2\0\0\0\x3ctag"s);
  CHECK(f.answer("W\0X\0Qtag\0"s, under_text({decided(Reason::passed, 300)}, "x")) == "\1\3tag"s);
  const Decided dry = under_text({decided(Reason::early, 240, testing::dry_run())}, "x");
  CHECK(f.answer("W\0X\0Qtag\0"s, dry) == "\1\2tag"s);
}

TEST_CASE("texts of each length go to who they are for, beside others' short answers") {
  Fixture f;
  f.decider.at_once = false;
  const std::size_t sizes[] = {1,  57,  58,
                               59, 399, 400};  // 58 is the last that is short, with a tag
  for (const std::size_t size : sizes)
    REQUIRE(f.asker.ask(kEnvelope + "X\0Qtag"s + std::to_string(size) + "\0\0"s));
  REQUIRE(f.asker.ask(kEnvelope + "Qtag\0\0"s));
  f.front->handle(kNow);
  REQUIRE(f.decider.queries() == std::size(sizes) + 1);
  for (std::size_t i = 0; i <= std::size(sizes); ++i) {
    const std::string text(i < std::size(sizes) ? sizes[i] : 400, char('a' + i));
    f.decider.decision = under_text({decided(Reason::new_triplet)}, text);
    f.decider.answer(0, i);
  }
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    CHECK(f.asker.answer() == "\0\1\0\0\1\x2c"s + std::string(sizes[i], char('a' + i)) + "tag" +
                                  std::to_string(sizes[i]));
  }
  CHECK(f.asker.answer() == "\0\1tag"s);
}

TEST_CASE("the longest answer has room behind the longest datagram, which the log still shows") {
  Fixture f;
  const std::string end = "X\0Q0123456789abcdef\0\0"s;
  std::string datagram = kEnvelope + "Y";
  datagram.resize(wire::kMaxDatagram - end.size() - 1, 'y');
  datagram += '\0' + end;
  REQUIRE(datagram.size() == wire::kMaxDatagram);
  const std::string text(wire::kMaxText, 't');
  const std::string answer =
      f.answer_to(datagram, under_text({decided(Reason::new_triplet)}, text));
  CHECK(answer == "\0\1\0\0\1\x2c"s + text + "0123456789abcdef");
  CHECK(f.logged().find("client=192.0.2.1 sender=a@x.org recipients=b@y.net ") !=
        std::string::npos);
}

TEST_CASE("a copy without the additions is told the text as the question with them was") {
  Fixture f;
  const Decided early = under_text({decided(Reason::early, 240)}, kInWords);
  const std::string answer = f.answer("X\0Qtag\0"s, early);
  CHECK(f.answer("", early) == answer);
}

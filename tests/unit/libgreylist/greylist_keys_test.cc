// libgreylist with a key: what is sent, which answers are believed, and what a key file that cannot
// be used is.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/front.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/query_text.h"
#include "tests/temporary_directory.h"
#include "tests/unit/libgreylist/udp_daemon.h"
#include "tests/unit/wire/signed_query.h"

using namespace grey;
using namespace std::string_literals;
using test::Daemon;
using testing::key_of;

namespace {

using Answers = Daemon::Answers;

const wire::Key kKey = key_of("mx1");
const std::string kDigits = "000102030405060708090a0b0c0d0e0f";

// What a daemon that has `key` answers to `query` with these octets.
std::string signed_answer(std::string octets, const std::string& query,
                          const wire::Key& key = kKey) {
  wire::KeyField field;
  REQUIRE(wire::find_key_field(query, field) == wire::Fault::none);
  REQUIRE(wire::is_same(field.mac, wire::mac_of(key.secret, field.covered)));
  wire::Query read;
  REQUIRE(wire::parse(query, read) == wire::Fault::none);
  octets += read.tag;
  const wire::Mac mac = wire::mac_of(key.secret, wire::SignedAnswer(field.mac, octets).view());
  return octets.append(reinterpret_cast<const char*>(mac.data()), mac.size());
}

struct Asking {
  std::string servers;
  std::string recipients = "Tb@example.net\0"s;
  unsigned timeout_ms = 20'000;
  std::size_t max_data = GREYLIST_MAX_DATA;

  greylist_result ask() const {
    greylist_options options;
    greylist_options_init(&options);
    options.servers = servers.c_str();
    options.timeout_ms = timeout_ms;
    options.max_data = max_data;
    options.key.state = GREYLIST_KEY_SET;
    kKey.id().copy(options.key.id, sizeof options.key.id);
    std::copy(kKey.secret.begin(), kKey.secret.end(), options.key.secret);
    const greylist_query query{"192.0.2.1", "mx.example.org", "a@example.org", recipients.data(),
                               recipients.size()};
    return greylist_ask(&options, &query);
  }
};

struct KeyFile {
  explicit KeyFile(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path) << text;
    REQUIRE(chmod(path.c_str(), mode) == 0);
    setenv("GREYKEYFILE", path.c_str(), 1);
  }
  ~KeyFile() {
    for (const char* name : {"GREYKEYFILE", "GREYIP", "GREYFAIL", "GREYTIMEOUT"}) unsetenv(name);
  }
  testing::TemporaryDirectory directory;
  std::string path = directory / "keys";
};

}  // namespace

TEST_CASE("a query under a key ends with its field, and the answer under it is taken") {
  Daemon daemon([](const std::string& query, int) {
    return Answers{signed_answer("\0\2\0\0\0\x2a"s, query)};
  });
  const greylist_result result = Asking{daemon.address()}.ask();
  CHECK(result.error == GREYLIST_ANSWERED);
  CHECK(result.verdict == GREYLIST_DEFER);
  CHECK(result.reason == 2);
  CHECK(result.retry_after == 42);
  daemon.stop();
  const std::string& query = daemon.received().at(0);
  wire::KeyField field;
  REQUIRE(wire::find_key_field(query, field) == wire::Fault::none);
  CHECK(field.id == "mx1");
  CHECK(wire::time_fault(field, time(nullptr)) == wire::Fault::none);
}

TEST_CASE("no two questions have a nonce in common") {
  Daemon daemon(
      [](const std::string& query, int) { return Answers{signed_answer("\1\2"s, query)}; });
  for (int i = 0; i < 20; ++i) REQUIRE(Asking{daemon.address()}.ask().error == GREYLIST_ANSWERED);
  daemon.stop();
  std::set<std::string> questions, nonces;  // of which some may have been sent twice
  for (const std::string& query : daemon.received()) {
    questions.insert(query);
    nonces.insert(query.substr(query.size() - 2 - 32 - 1 - 16, 16));
  }
  CHECK(questions.size() == 20);
  CHECK(nonces.size() == 20);
}

TEST_CASE("when an answer is lost the same datagram is sent again, never a plain one") {
  Daemon daemon([](const std::string& query, int before) {
    return before < 3 ? Answers{} : Answers{signed_answer("\1\2"s, query)};
  });
  CHECK(Asking{daemon.address()}.ask().verdict == GREYLIST_ACCEPT);
  daemon.stop();
  REQUIRE(daemon.received().size() >= 4);
  for (const std::string& query : daemon.received()) CHECK(query == daemon.received().front());
}

TEST_CASE("what is not under the key is passed over, and what is, is waited for") {
  Daemon daemon([](const std::string& query, int before) -> Answers {
    wire::Query read;
    REQUIRE(wire::parse(query, read) == wire::Fault::none);
    const std::string tag(read.tag), good = signed_answer("\0\1"s, query);
    std::string changed = good, other_query = query;
    changed[0] = '\1';
    std::vector<std::string> forged = {
        "", "\1", "\1\2", "\1\2"s + tag, "\1\2"s + tag + std::string(16, '\0'),
        // Of another answer, of another key.
        changed, "\1\2"s + good.substr(2), good.substr(1), good + "\0"s, good.substr(0, 18),
        "\1"s + good, std::string(16, '\1'), std::string(500, '\1'), std::string(60'000, '\1')};
    if (before < 2) return forged;
    forged.push_back(good);
    return forged;
  });
  const greylist_result result = Asking{daemon.address()}.ask();
  CHECK(result.error == GREYLIST_ANSWERED);
  CHECK(result.verdict == GREYLIST_DEFER);
}

TEST_CASE("an answer under the key to another question is not to this one") {
  std::string earlier;
  Daemon daemon([&](const std::string& query, int before) {
    if (before == 0) earlier = signed_answer("\1\2"s, query);
    return before == 0 ? Answers{earlier} : Answers{earlier, signed_answer("\0\1"s, query)};
  });
  CHECK(Asking{daemon.address()}.ask().verdict == GREYLIST_ACCEPT);
  CHECK(Asking{daemon.address()}.ask().verdict == GREYLIST_DEFER);
}

TEST_CASE("who answers without the key alone has not answered") {
  for (const std::string& answer : {"\1\2"s, "\0\1"s, std::string(34, '\1')}) {
    Daemon daemon(test::always(answer));
    Asking asking{daemon.address()};
    asking.timeout_ms = 400;
    const greylist_result result = asking.ask();
    CHECK(result.error == GREYLIST_UNSIGNED);
    CHECK(result.reason == 0);
    daemon.stop();
    for (const std::string& query : daemon.received()) CHECK(query == daemon.received().front());
  }
}

// How much the processor has to do for it says that it is no race.
TEST_CASE("a flood of forged answers costs little, ends in time, and hides no good one for long") {
  const auto flood = [](const std::string& last) {
    Answers answers(3000, "\1\2"s + std::string(32, 'x'));
    answers.push_back(last);
    return answers;
  };
  Daemon hostile([&](const std::string&, int) { return flood("\1\2"s); });
  Asking asking{hostile.address()};
  asking.timeout_ms = 1000;
  timespec before, after;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(asking.ask().error == GREYLIST_UNSIGNED);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  CHECK(double(after.tv_sec - before.tv_sec) + double(after.tv_nsec - before.tv_nsec) / 1e9 < 0.5);
  Daemon ours([&](const std::string& query, int) {
    return Answers{flood("\1\2"s).front(), signed_answer("\0\1"s, query)};
  });
  CHECK(Asking{ours.address()}.ask().verdict == GREYLIST_DEFER);
}

TEST_CASE("there is room for the key's field, whatever of a query has to be left out") {
  Daemon daemon(
      [](const std::string& query, int) { return Answers{signed_answer("\1\2"s, query)}; });
  Asking asking{daemon.address()};
  for (int i = 0; i < 2000; ++i) asking.recipients += "Tuser" + std::to_string(i) + "@y.net" + '\0';
  for (const std::size_t max_data : {std::size_t(512), std::size_t(1470), std::size_t(60'000)}) {
    asking.max_data = max_data;
    CHECK(asking.ask().error == GREYLIST_ANSWERED);
  }
  daemon.stop();
  REQUIRE(daemon.received().size() >= 3);
  std::size_t longest = 0;
  for (const std::string& query : daemon.received()) longest = std::max(longest, query.size());
  CHECK(daemon.received().front().size() <= 512);
  CHECK(longest > 10'000);
  CHECK(longest <= 60'000);
}

TEST_CASE("a question that is signed anew has another MAC, and believes answers to that alone") {
  const std::string recipients = "Tb@example.net\0"s;
  const greylist_query query{"192.0.2.1", nullptr, "a@example.org", recipients.data(),
                             recipients.size()};
  glue::Signing signing{kKey, 1'700'000'000, {}};
  const auto question =
      std::make_unique<glue::Question>(query, 60'000, glue::Wanted{true, true}, &signing);
  const std::string first(question->datagram(false, glue::Form::full));
  CHECK(question->is_signed_answer(kKey.secret, signed_answer("\1\2"s, first)));
  signing.time += 10;
  question->sign(signing);
  const std::string second(question->datagram(false, glue::Form::full));
  CHECK(second.size() == first.size());
  wire::KeyField field;
  REQUIRE(wire::find_key_field(second, field) == wire::Fault::none);
  CHECK(field.time == signing.time);
  CHECK(question->is_signed_answer(kKey.secret, signed_answer("\1\2"s, second)));
  CHECK_FALSE(question->is_signed_answer(kKey.secret, signed_answer("\1\2"s, first)));
  CHECK_FALSE(question->is_signed_answer(key_of("mx1", 1).secret, signed_answer("\1\2"s, second)));
}

TEST_CASE("GREYKEYFILE names the key, the first of its file") {
  const KeyFile file("# ours\nmx1 " + kDigits + "\nold " + std::string(32, '7') + "\n", 0440);
  setenv("GREYIP", "@", 1);
  greylist_options options;
  CHECK(greylist_options_from_env(&options) == 0);
  CHECK(options.key.state == GREYLIST_KEY_SET);
  CHECK(options.key.id == "mx1"s);
  CHECK(options.key.secret[15] == 15);
  CHECK(greylist_read_key(&options, "") == 0);
  CHECK(options.key.state == GREYLIST_KEY_NONE);
  CHECK(greylist_read_key(&options, "/nonexistent") == -1);
  CHECK(options.key.state == GREYLIST_KEY_BAD);
  // Without GREYIP nobody is asked, and the file is of no interest.
  unsetenv("GREYIP");
  CHECK(greylist_options_from_env(&options) == 0);
  CHECK(options.key.state == GREYLIST_KEY_NONE);
}

TEST_CASE("a key file that cannot be used is an error as GREYFAIL says, and nobody is asked") {
  Daemon daemon(test::always("\1\2"s));
  const struct {
    std::string text;
    mode_t mode;
    std::string said;
  } rows[] = {
      {"mx1 " + kDigits + "\n", 0644, "anybody may use it: chmod o= it"},
      {"mx1 " + kDigits + "\n", 0660, "its group may write to it: chmod g-w it"},
      {"\nmx1 12\n", 0600, "line 2: the second word is no KEY: 32 hexadecimal digits"},
      {"", 0600, "there is no key in it"},
  };
  for (const auto& row : rows) {
    for (const bool closed : {false, true}) {
      const KeyFile file(row.text, row.mode);
      setenv("GREYIP", daemon.address().c_str(), 1);
      setenv("GREYFAIL", closed ? "closed" : "open", 1);
      greylist_options options;
      const unsigned bad = greylist_options_from_env(&options);
      CHECK(bad == GREYLIST_VAR_KEYFILE);
      char line[GREYLIST_LINE_MAX];
      greylist_describe_bad_values(&options, bad, line, sizeof line);
      CHECK(line == "bad value of GREYKEYFILE: " + file.path + "; " + row.said + "; mail is " +
                        (closed ? "deferred (GREYFAIL=closed)" : "accepted (GREYFAIL=open)"));
      const std::string recipients = "Tb@example.net\0"s;
      const greylist_query query{"192.0.2.1", nullptr, "a@example.org", recipients.data(),
                                 recipients.size()};
      const greylist_result result = greylist_ask(&options, &query);
      CHECK(result.error == GREYLIST_BAD_KEY);
      CHECK(result.verdict == (closed ? GREYLIST_DEFER : GREYLIST_ACCEPT));
      char text[GREYLIST_TEXT_MAX + 1];
      glue::Front front("test", nullptr);
      CHECK(front.check(query, text, sizeof text) == (closed ? 451 : 0));
    }
  }
  daemon.stop();
  CHECK(daemon.received().empty());
}

TEST_CASE("the entry of older libraries asks under the key as well") {
  Daemon daemon([](const std::string& query, int) {
    return Answers{"\1\2"s, signed_answer("\0\1"s, query)};
  });
  std::string server = daemon.address(), client = "192.0.2.1", sender = "a@example.org",
              recipients = "Tb@example.net\0"s;
  const auto ask = [&] {
    return greylist(server.data(), client.data(), sender.data(), recipients.data(),
                    int(recipients.size()), nullptr, nullptr);
  };
  {
    const KeyFile file("mx1 " + kDigits);
    CHECK(ask() == 0);
  }
  {
    const KeyFile file("mx1 " + kDigits, 0604);
    CHECK(ask() == -1);
    setenv("GREYFAIL", "closed", 1);
    CHECK(ask() == 0);
    setenv("GREYFAIL", "open", 1);
    CHECK(ask() == 1);
  }
}

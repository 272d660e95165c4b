// libgreylist asks, and gives what was answered: real daemons on real sockets.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "smtpd-glue/libgreylist/greylist.h"
#include "tests/unit/libgreylist/udp_daemon.h"

using namespace std::string_literals;

namespace {

using namespace grey::test;

struct Question {
  std::string servers;
  greylist_fail fail = GREYLIST_FAIL_OPEN;
  unsigned timeout_ms = 20000;  // an answer ends the waiting: only failures take so long
  std::size_t max_data = GREYLIST_MAX_DATA;
  std::string client = "192.0.2.1";
  std::string name = "";
  std::string sender = "a@example.org";
  std::string recipients = "Tb@example.net\0"s;
  int ask_wait = 0;

  greylist_result ask() const {
    greylist_options options;
    greylist_options_init(&options);
    options.servers = servers.c_str();
    options.fail = fail;
    options.timeout_ms = timeout_ms;
    options.max_data = max_data;
    options.ask_wait = ask_wait;
    const greylist_query query{client.c_str(), name.c_str(), sender.c_str(), recipients.data(),
                               recipients.size()};
    return greylist_ask(&options, &query);
  }
};

}  // namespace

TEST_CASE("the daemon's verdict and reason come back") {
  Daemon yes(always(kAccept)), no(always(kDefer)), short_no(always("\0"s)),
      v6(always(kAccept), AF_INET6);
  const struct {
    const Daemon& daemon;
    greylist_verdict verdict;
    int reason;
  } rows[] = {{yes, GREYLIST_ACCEPT, 3},
              {no, GREYLIST_DEFER, 2},
              {short_no, GREYLIST_DEFER, 0},
              {v6, GREYLIST_ACCEPT, 3}};
  for (const auto& row : rows) {
    const auto result = Question{.servers = row.daemon.address()}.ask();
    CHECK(result.error == GREYLIST_ANSWERED);
    CHECK(result.verdict == row.verdict);
    CHECK(int(result.reason) == row.reason);
  }
}

TEST_CASE("the query is the documented bytes") {
  Daemon daemon(always(kAccept));
  Question question{.servers = daemon.address()};
  question.ask();
  question.client = "::ffff:192.0.2.1";
  question.sender = "";
  question.name = "mx.example.org";
  question.recipients = "Tb@x\0T\0Tc@x\0"s;
  question.ask();
  question.name = std::string(300, 'n');  // no host name
  question.ask();
  daemon.stop();
  REQUIRE(daemon.received().size() == 3);
  std::vector<std::string> queries;
  for (const std::string& query : daemon.received()) queries.push_back(without_tag(query));
  CHECK(queries[0] == "I192.0.2.1\0Fa@example.org\0Tb@example.net\0\0"s);
  CHECK(queries[1] == "I::ffff:192.0.2.1\0F\0Tb@x\0T\0Tc@x\0Nmx.example.org\0\0"s);
  CHECK(queries[2] == "I::ffff:192.0.2.1\0F\0Tb@x\0T\0Tc@x\0\0"s);
  CHECK(tag_of(daemon.received()[0]) != tag_of(daemon.received()[1]));
  CHECK(tag_of(daemon.received()[1]) == tag_of(daemon.received()[2]));
}

TEST_CASE("the wait is asked for when it is wanted, behind the recipients, and comes back") {
  const auto answer = [](const std::string& query, int) {
    const bool asked = query.find("\0W\0"s) != std::string::npos;
    return Daemon::Answers{(asked ? "\0\2\0\0\1\x2c"s : kDefer) + tag_of(query)};
  };
  Daemon daemon(answer, AF_INET, 10);
  Question question{.servers = daemon.address()};
  CHECK(question.ask().retry_after == 0);
  question.ask_wait = 1;
  CHECK(question.ask().retry_after == 300);
  CHECK(question.ask().reason == 2);
  question.name = "mx.example.org";
  question.max_data = 512;
  question.recipients.clear();
  for (int i = 0; i < 100; ++i) question.recipients += "Tu" + std::to_string(i) + "@x.org" + '\0';
  CHECK(question.ask().retry_after == 300);
  daemon.stop();
  REQUIRE(daemon.received().size() == 4);
  CHECK(without_tag(daemon.received()[1]) == "I192.0.2.1\0Fa@example.org\0Tb@example.net\0W\0\0"s);
  CHECK(without_tag(daemon.received()[3]).ends_with("@x.org\0Nmx.example.org\0W\0\0"s));
  CHECK(daemon.received()[3].size() <= 512);
}

TEST_CASE("a lost datagram is sent again") {
  Daemon daemon([](const std::string&, int before) {
    return before < 2 ? Daemon::Answers{} : Daemon::Answers{kDefer};
  });
  const auto result = Question{.servers = daemon.address()}.ask();
  CHECK(result.error == GREYLIST_ANSWERED);
  CHECK(result.verdict == GREYLIST_DEFER);
  daemon.stop();
  REQUIRE(daemon.received().size() == 3);
  CHECK(daemon.received()[0] == daemon.received()[2]);
}

TEST_CASE("the next server is asked when one is silent or refuses") {
  Daemon mute(silent()), daemon(always(kDefer));
  const std::string lists[] = {
      mute.address() + "," + daemon.address(),
      refusing() + "," + daemon.address(),
      refusing() + "," + refusing() + "," + daemon.address() + "," + refusing(),
  };
  for (const auto& list : lists) {
    CAPTURE(list);
    const auto result = Question{.servers = list, .timeout_ms = 8000}.ask();
    CHECK(result.error == GREYLIST_ANSWERED);
    CHECK(result.verdict == GREYLIST_DEFER);
  }
}

TEST_CASE("a server that comes back within the time is asked again") {
  Daemon daemon(always(kDefer));
  const std::string address = daemon.address();
  // Refused at first; the same port is taken again by a new daemon.
  daemon.stop();
  std::thread restart([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in self{};
    self.sin_family = AF_INET;
    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    self.sin_port = htons(std::uint16_t(std::stoi(address.substr(address.find('@') + 1))));
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&self), sizeof self) == 0);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    char buffer[512];
    recvfrom(fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    sendto(fd, kDefer.data(), 2, 0, reinterpret_cast<sockaddr*>(&peer), size);
    close(fd);
  });
  const auto result = Question{.servers = address}.ask();
  restart.join();
  CHECK(result.error == GREYLIST_ANSWERED);
  CHECK(result.verdict == GREYLIST_DEFER);
}

TEST_CASE("without an answer the verdict is that of `fail`, within the time") {
  Daemon mute(silent());
  const struct {
    std::string servers;
    greylist_error error;
  } rows[] = {{mute.address(), GREYLIST_SILENT},
              {refusing(), GREYLIST_UNREACHABLE},
              {refusing() + "," + refusing(), GREYLIST_UNREACHABLE},
              {mute.address() + "," + refusing(), GREYLIST_SILENT},
              {refusing() + "," + mute.address(), GREYLIST_SILENT},
              {"nonsense", GREYLIST_BAD_SERVERS},
              {"127.0.0.1,", GREYLIST_BAD_SERVERS},
              {",127.0.0.1", GREYLIST_BAD_SERVERS},
              {"127.0.0.1@0", GREYLIST_BAD_SERVERS},
              {"127.0.0.1 ,127.0.0.2", GREYLIST_BAD_SERVERS}};
  for (const auto& row : rows) {
    CAPTURE(row.servers);
    for (const auto fail : {GREYLIST_FAIL_OPEN, GREYLIST_FAIL_CLOSED}) {
      const auto begin = std::chrono::steady_clock::now();
      const auto result = Question{.servers = row.servers, .fail = fail, .timeout_ms = 400}.ask();
      const auto took = std::chrono::steady_clock::now() - begin;
      CHECK(result.error == row.error);
      CHECK(result.verdict == (fail == GREYLIST_FAIL_OPEN ? GREYLIST_ACCEPT : GREYLIST_DEFER));
      CHECK(result.reason == 0);
      CHECK((result.error_number != 0) == (row.error == GREYLIST_UNREACHABLE));
      CHECK(took < std::chrono::seconds(20));
    }
  }
}

TEST_CASE("greylisting without a server is off, even when it fails closed") {
  const auto result = Question{.servers = "", .fail = GREYLIST_FAIL_CLOSED}.ask();
  CHECK(result.error == GREYLIST_OFF);
  CHECK(result.verdict == GREYLIST_ACCEPT);
}

TEST_CASE("a client's zone is not part of the question") {
  Daemon daemon(always(kAccept));
  Question question{.servers = daemon.address(), .client = "fe80::1%eth0"};
  CHECK(question.ask().error == GREYLIST_ANSWERED);
  question.client = "fe80::1%";
  CHECK(question.ask().error == GREYLIST_BAD_QUERY);
  daemon.stop();
  REQUIRE(daemon.received().size() == 1);
  CHECK(without_tag(daemon.received()[0]) == "Ife80::1\0Fa@example.org\0Tb@example.net\0\0"s);
}

TEST_CASE("a query that cannot be asked is not sent") {
  Daemon daemon(always(kAccept));
  const Question good{.servers = daemon.address(), .fail = GREYLIST_FAIL_CLOSED};
  std::vector<Question> bad(5, good);
  bad[0].client = "";
  bad[1].client = "not-an-address";
  bad[2].client = "1.2.3.4.5";
  bad[3].recipients = "";
  bad[4].recipients = "no letter\0"s;
  for (const auto& question : bad) {
    const auto result = question.ask();
    CHECK(result.error == GREYLIST_BAD_QUERY);
    CHECK(result.verdict == GREYLIST_DEFER);
  }
  daemon.stop();
  CHECK(daemon.received().empty());
}

TEST_CASE("the wait is asked for when the text will name it") {
  const struct {
    const char* text;
    int ask_wait;
  } rows[] = {{nullptr, 1}, {"", 1}, {"later", 0}, {"in %t", 1}, {"100%", 0}};
  for (const auto& row : rows) {
    unsetenv("GREYTEXT");
    if (row.text != nullptr) setenv("GREYTEXT", row.text, 1);
    greylist_options options;
    greylist_options_from_env(&options);
    CHECK(options.ask_wait == row.ask_wait);
  }
  unsetenv("GREYTEXT");
}

TEST_CASE("the environment sets the options, and its bad values are told") {
  const struct {
    std::map<std::string, std::string> environment;
    unsigned bad;
    greylist_fail fail;
    unsigned timeout_ms;
    std::size_t max_data;
  } rows[] = {
      {{}, 0, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYIP", "127.0.0.1@1999"}}, 0, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYIP", "@,[::1]:77,10.0.0.1"}}, 0, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYFAIL", "closed"}, {"GREYTIMEOUT", "7"}}, 0, GREYLIST_FAIL_CLOSED, 7000, 60000},
      {{{"GREYFAIL", "open"}, {"GREYMAXDATA", "1470"}}, 0, GREYLIST_FAIL_OPEN, 3000, 1470},
      {{{"GREYFAIL", ""}, {"GREYTIMEOUT", ""}}, 0, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYIP", "x"}, {"GREYFAIL", "y"}},
       GREYLIST_VAR_IP | GREYLIST_VAR_FAIL,
       GREYLIST_FAIL_OPEN,
       3000,
       60000},
      {{{"GREYFAIL", "CLOSED"}}, GREYLIST_VAR_FAIL, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYTIMEOUT", "0"}}, GREYLIST_VAR_TIMEOUT, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYTIMEOUT", "61"}}, GREYLIST_VAR_TIMEOUT, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYTIMEOUT", "3s"}}, GREYLIST_VAR_TIMEOUT, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYTIMEOUT", "4294967299"}}, GREYLIST_VAR_TIMEOUT, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYIP", "x"}, {"GREYMAXDATA", "1"}, {"GREYTIMEOUT", "7"}},
       GREYLIST_VAR_IP | GREYLIST_VAR_MAXDATA,
       GREYLIST_FAIL_OPEN,
       7000,
       60000},
      {{{"GREYMAXDATA", "100"}}, GREYLIST_VAR_MAXDATA, GREYLIST_FAIL_OPEN, 3000, 60000},
      {{{"GREYMAXDATA", "65508"}}, GREYLIST_VAR_MAXDATA, GREYLIST_FAIL_OPEN, 3000, 60000},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bad);
    for (const char* name : {"GREYIP", "GREYFAIL", "GREYTIMEOUT", "GREYMAXDATA"}) unsetenv(name);
    for (const auto& [name, value] : row.environment) setenv(name.c_str(), value.c_str(), 1);
    greylist_options options;
    CHECK(greylist_options_from_env(&options) == row.bad);
    CHECK((options.servers != nullptr) == row.environment.contains("GREYIP"));
    CHECK(options.fail == row.fail);
    CHECK(options.timeout_ms == row.timeout_ms);
    CHECK(options.max_data == row.max_data);
  }
}

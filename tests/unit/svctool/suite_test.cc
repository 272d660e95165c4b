// The table of supervision suites: each row is whole, and what the operator reads is in the words
// of the suite that has the service.
#include "svctool/plan/suite.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "svctool/daemon/find_supervisor.h"
#include "tests/temporary_directory.h"

using namespace grey::svctool;
namespace fs = std::filesystem;

namespace {

// A scanner of this suite as proc(5) shows it, which watches `directory`.
void run_scanner(const std::string& proc, const Suite& suite, const std::string& directory) {
  const std::string process = proc + "/100";
  fs::create_directories(process);
  std::ofstream(process + "/comm") << suite.scanner << "\n";
  std::ofstream(process + "/cmdline") << suite.scanner << '\0' << directory << '\0';
  fs::create_symlink("/", process + "/root");
  fs::create_symlink(suite.scanner_works_there ? directory : "/", process + "/cwd");
}

}  // namespace

TEST_CASE("the operator is told the commands of the suite") {
  const struct {
    std::string_view suite;
    std::string restart, start, reload;
  } rows[] = {
      {"daemontools", "svc -t /s/x", "svc -u /s/x", "svc -h /s/x"},
      {"runit", "sv term /s/x", "sv up /s/x", "sv hup /s/x"},
      {"s6", "s6-svc -t /s/x", "s6-svc -u /s/x", "s6-svc -h /s/x"},
      {"systemd", "systemctl restart x.service", "systemctl start x.service",
       "systemctl reload x.service"},
  };
  CHECK(std::size(rows) == suites().size());
  for (const auto& row : rows) {
    CAPTURE(row.suite);
    const Suite& suite = *find_suite(row.suite);
    CHECK(restart_command(suite, "/s/x") == row.restart);
    CHECK(start_command(suite, "/s/x") == row.start);
    CHECK(reload_command(suite, "/s/x") == row.reload);
  }
}

TEST_CASE("a row of the table says all that is asked of it") {
  for (const Suite& suite : suites()) {
    CAPTURE(suite.name);
    for (const Order* order :
         {&suite.restart, &suite.start, &suite.reload, &suite.put_down, &suite.end}) {
      CHECK_FALSE(order->words.empty());
      // Through the fifo where each service has a supervisor, by the command where none has.
      CHECK(order->letters.empty() != has_scanner(suite));
    }
    CHECK(suite.runs_where.empty() == has_scanner(suite));
    CHECK(suite.install.empty() == has_scanner(suite));
    CHECK(suite.state_file.empty() != suite.state_words.empty());
    CHECK((suite.parse_state != nullptr));
    CHECK((suite.add_files != nullptr));
    CHECK((suite.known_as != nullptr));
    CHECK((suite.own_file == nullptr) == (suite.service_of == nullptr));
    CHECK((suite.own_file == nullptr) == suite.reread.empty());
    CHECK(suite.access_words.empty() == (suite.parse_access == nullptr));
    CHECK(suite.settings_file.empty() != suite.envdir.empty());
    CHECK(suite.as_user.empty() == suite.memory_limit.empty());
    CHECK(suite.log_keeper.empty() != suite.logger.empty());
    CHECK(suite.log_keeper.empty() == suite.show_log.empty());
    CHECK(suite.log_keeper.empty() == suite.log_news.empty());
    CHECK(suite.is_enabled.empty() == suite.enable.empty());
    CHECK(suite.is_enabled.empty() == suite.disable.empty());
  }
}

TEST_CASE("a service that nobody has named a suite for has the one whose scanner watches it") {
  if (::geteuid() != 0) return;  // a scanner is root's
  for (const Suite& suite : suites()) {
    if (!has_scanner(suite)) continue;
    CAPTURE(suite.name);
    const grey::testing::TemporaryDirectory home;
    const std::string proc = home.path() + "/proc", services = home.path() + "/services";
    fs::create_directories(services + "/smtp");
    run_scanner(proc, suite, services);
    CHECK(&suite_of(services + "/smtp", proc) == &suite);
    CHECK(find_supervisor(proc)->servicedir == services);
    // One that it does not have is taken for its, too, as the machine has no other.
    CHECK(&suite_of(home.path() + "/elsewhere", proc) == &suite);
    // But for one that another has supervised.
    for (const Suite& other : suites()) {
      if (!has_scanner(other)) continue;
      const std::string service = home.path() + "/of-" + std::string(other.name);
      fs::create_directories(service + "/supervise");
      if (!other.leaves.empty()) fs::create_directories(service + "/" + std::string(other.leaves));
      CHECK(&suite_of(service, proc) == &other);
    }
  }
}

TEST_CASE("what is told as a command is run as words, with the service as one more") {
  CHECK(arguments_of("systemctl enable --now", "my x.service") ==
        std::vector<std::string>{"systemctl", "enable", "--now", "my x.service"});
  CHECK(arguments_of("systemctl daemon-reload") ==
        std::vector<std::string>{"systemctl", "daemon-reload"});
  CHECK(names_of_what_runs() == "svscan, runsvdir, s6-svscan and systemd");
}

TEST_CASE("where a variable is, in the words of its suite") {
  CHECK(place_of_variable(daemontools(), false) == "/variables/");
  CHECK(place_of_variable(daemontools(), true) == "/log/variables/");
  CHECK(place_of_variable(*find_suite("systemd"), false) == "/environment, ");
}

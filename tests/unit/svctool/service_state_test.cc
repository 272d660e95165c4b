#include "svctool/daemon/service_state.h"

#include <doctest/doctest.h>

using namespace grey::svctool;

namespace {

// Time, process id, stopped, wanted.
std::string status_of(unsigned pid, char wanted) {
  std::string bytes(12, '\x40');
  for (int i = 0; i < 4; ++i) bytes += char(pid >> (8 * i) & 0xff);
  return bytes + '\0' + wanted;
}

}  // namespace

TEST_CASE("the status file of daemontools says who runs and what is wanted") {
  const auto up = parse_status_file(status_of(70'000, 'u'));
  REQUIRE(up);
  CHECK(up->up);
  CHECK(up->wanted);
  CHECK(up->pid == 70'000);
  const auto put_down = parse_status_file(status_of(0, 'd'));
  REQUIRE(put_down);
  CHECK_FALSE(put_down->up);
  CHECK_FALSE(put_down->wanted);
  const auto once = parse_status_file(status_of(7, '\0'));  // svc -o
  REQUIRE(once);
  CHECK(once->up);
  CHECK_FALSE(once->wanted);
  CHECK(parse_status_file(status_of(0, 'u'))->wanted);
  CHECK_FALSE(parse_status_file(""));
  CHECK_FALSE(parse_status_file(std::string(17, 'u')));
  CHECK_FALSE(parse_status_file(std::string(43, 'u')));
}

TEST_CASE("that of runit also whether the process is the daemon or what cleans up after it") {
  const auto run = parse_status_file(status_of(7, 'u') + '\0' + '\1');
  REQUIRE(run);
  CHECK(run->up);
  const auto finish = parse_status_file(status_of(7, 'u') + '\0' + '\2');
  REQUIRE(finish);
  CHECK_FALSE(finish->up);
  CHECK(finish->wanted);
}

TEST_CASE("what s6-svstat and systemctl say is understood") {
  const auto s6 = parse_s6_state("true false 123\n");
  REQUIRE(s6);
  CHECK(s6->up);
  CHECK_FALSE(s6->wanted);
  CHECK(s6->pid == 123);
  CHECK(parse_s6_state("false true -1\n")->pid == 0);
  CHECK_FALSE(parse_s6_state("true true\n"));
  CHECK_FALSE(parse_s6_state("up (pid 123) 4 seconds"));

  const struct {
    const char* text;
    bool up, wanted;
  } rows[] = {{"MainPID=12\nActiveState=active\n", true, true},
              {"MainPID=0\nActiveState=activating\n", false, true},  // between two tries
              {"MainPID=0\nActiveState=inactive\n", false, false},
              {"MainPID=0\nActiveState=failed\n", false, false},
              {"MainPID=12\nActiveState=deactivating\n", true, true}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto state = parse_systemd_state(row.text);
    REQUIRE(state);
    CHECK(state->up == row.up);
    CHECK(state->wanted == row.wanted);
  }
  CHECK_FALSE(parse_systemd_state(""));
  CHECK_FALSE(parse_systemd_state("MainPID=12\n"));
}

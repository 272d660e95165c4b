#include <doctest/doctest.h>
#include <unistd.h>

#include "svctool/service_state.h"

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

TEST_CASE("the sockets of an address and port are found in the kernel's table") {
  const char* table =
      "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode ref pointer drops\n"
      "  123: 0100007F:07CF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
      "4711 2 0 0\n"
      "  124: 00000000000000000000000000000000:07CF 00000000000000000000000000000000:0000 07 "
      "00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n"
      "  125: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 "
      "00000000:00000000 00:00000000 00000000     0        0 "
      "4713 2 0 0\n"
      "torn";
  const auto found = [table](const char* where) {
    return parse_udp_table(table, *grey::parse_endpoint(where, grey::Wildcards::allowed));
  };
  using Inodes = std::set<std::string>;
  CHECK(found("127.0.0.1@1999") == Inodes{"4711", "4712"});
  CHECK(found("127.0.0.2@1999") == Inodes{"4712"});
  CHECK(found("[::1]@1999") == Inodes{"4712"});
  CHECK(found("[2001:db8::1]@53") == Inodes{"4713"});
  CHECK(found("[2001:db8::2]@53").empty());
  CHECK(found("127.0.0.1@54").empty());
  CHECK(parse_udp_table("", {}).empty());
}

TEST_CASE("when a process was started is read behind any name") {
  const std::string fields = " S 1 10 10 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3";
  CHECK(parse_start("10 (sh)" + fields) == 4711);
  CHECK(parse_start("10 (a) b (c)" + fields + " )") != 4711);
  CHECK(parse_start("10 (a) b (c)" + fields) == 4711);
  CHECK_FALSE(parse_start("10 (sh) S 1"));
  CHECK_FALSE(parse_start(""));
  CHECK(age_of(::getpid()) > 0);
  CHECK(age_of(::getpid()) < 86400);
}

// What svctool reads of the machine, as text: the kernel's tables, units, an SMTP server's run.
#include <doctest/doctest.h>
#include <unistd.h>

#include "svctool/daemon/processes.h"
#include "svctool/daemon/sockets.h"
#include "svctool/plan/smtp_run.h"
#include "svctool/plan/tcprules.h"
#include "svctool/plan/unit_file.h"
#include "svctool/verbs/find_services.h"

using namespace grey::svctool;

TEST_CASE("the sockets of an address and port are found in the kernel's table") {
  const char* table =
      "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode ref pointer drops\n"
      "  123: 0100007F:07CF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
      "4711 2 0 0\n"
      "  124: 00000000000000000000000000000000:07CF 00000000000000000000000000000000:0000 07 "
      "00000000:00000000 00:00000000 00000000     9        0 4712 2 0 0\n"
      "  125: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000     0        0 "
      "4713 2 0 0\n"
      "torn";
  using Inodes = std::vector<std::string>;
  const auto found = [table](const char* where, Transport transport = Transport::udp) {
    Inodes inodes;
    const auto endpoint = *grey::parse_endpoint(where, grey::Wildcards::allowed);
    for (const PortSocket& socket : parse_socket_table(table, transport, endpoint)) {
      inodes.push_back(socket.inode);
    }
    return inodes;
  };
  CHECK(found("127.0.0.1@1999") == Inodes{"4711", "4712"});
  CHECK(found("127.0.0.2@1999") == Inodes{"4712"});
  CHECK(found("[::1]@1999") == Inodes{"4712"});
  CHECK(found("*@1999") == Inodes{"4711", "4712"});  // either is in its way
  CHECK(found("[2001:db8::1]@53") == Inodes{"4713"});
  CHECK(found("[2001:db8::1]@53", Transport::tcp) == Inodes{"4713"});
  CHECK(found("127.0.0.1@1999", Transport::tcp).empty());  // does not listen
  CHECK(found("[2001:db8::2]@53").empty());
  CHECK(found("127.0.0.1@54").empty());
  CHECK(parse_socket_table("", Transport::udp, {}).empty());
  CHECK(parse_socket_table(table, Transport::udp, {})[1] == PortSocket{"4712", 9});
}

TEST_CASE("who has a port is named as far as it is seen") {
  CHECK(to_string(Holder{12, "named", "bind"}) == "process 12 (named)");
  CHECK(to_string(Holder{0, "", "bind"}) == "a program of user bind that is not seen from here");
}

TEST_CASE("state and start of a process are read behind any name") {
  const std::string fields = " S 1 10 10 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3";
  CHECK(parse_stat("10 (sh)" + fields)->start == 4711);
  CHECK(parse_stat("10 (sh)" + fields)->state == 'S');
  CHECK(parse_stat("10 (a) T (c)" + fields)->state == 'S');
  CHECK(parse_stat("10 (a) b (c)" + fields)->start == 4711);
  CHECK_FALSE(parse_stat("10 (sh) S 1"));
  CHECK_FALSE(parse_stat(""));
  CHECK(age_of(::getpid()) > 0);
  CHECK(age_of(::getpid()) < 86400);
  CHECK_FALSE(is_stopped(::getpid()));
  CHECK(user_of(::getpid()) == ::geteuid());
}

TEST_CASE("a unit that svctool wrote names its service") {
  CHECK(service_of_unit("# Written by svctool. Settings: /etc/greylist/x/environment\n[Unit]\n") ==
        "/etc/greylist/x");
  CHECK(service_of_unit("[Unit]\n# Written by svctool. Settings: /x/environment\n").empty());
  CHECK(service_of_unit("# Written by svctool. Settings: /environment").empty());
  CHECK(service_of_unit("").empty());
}

TEST_CASE("shell words are those of a shell") {
  using Words = std::vector<std::string>;
  CHECK(shell_words("a 'b c' \"d\\\"e\" # no\nf\\\n g\\ h;i|j") ==
        Words{"a", "b c", "d\"e", "\n", "f", "g h", "\n", "i", "\n", "j", "\n"});
  CHECK(shell_words("a#b '' \"").size() == 4);
  CHECK(shell_words("").empty());
}

TEST_CASE("which rules a run's tcpserver reads, and whether something asks") {
  const struct {
    const char *run, *cdb;
    bool unknown, asks;
  } rows[] = {
      {"exec tcpserver -x /etc/tcp.smtp.cdb 0 25 greysmtpd /var/qmail/bin/qmail-smtpd",
       "/etc/tcp.smtp.cdb", false, true},
      {"exec tcpserver -vRl0 -c40 -x/etc/a.cdb 0 25 qmail-smtpd", "/etc/a.cdb", false, false},
      {"exec \\\n  softlimit -m 9 \\\n  tcpserver -vx \"/etc/a b.cdb\" -u 7 -g 8 0 smtp x",
       "/etc/a b.cdb", false, false},
      {"RULES=/etc/${KIND}.cdb; exec tcpserver -x \"$RULES\" 0 25 x", "/etc/mx.cdb", false, false},
      {"exec tcpserver -x `cat rules` 0 25 x", "", true, false},
      {"exec tcpserver -x \"$NOWHERE\" 0 25 x", "", true, false},
      {"RULES=`cat x`\nexec tcpserver -x $RULES 0 25 x", "", true, false},
      {"exec sslserver -en -s -vx /etc/a.cdb 0 465 x", "/etc/a.cdb", false, false},
      {"exec tcpserver -n /etc/cert -x /etc/a.cdb 0 25 x", "/etc/a.cdb", false, false},
      {"# tcpserver -x /no.cdb\nexec tcpserver 0 25 /opt/bin/greysmtpd y", "", false, true},
      {"exec tcpserver 0 25 mailfront smtp qmail greylist", "", false, true},
      {"exec tcpserver 0 25 qmail-smtpd 2>&1 | greysmtpd", "", false, true},
      {"exec smtpd -x /etc/a.cdb", "", false, false},
      {"exec tcpserver -x", "", false, false},
      {"", "", false, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.run);
    const SmtpRun run = parse_smtp_run(row.run, [](const std::string& name) {
      return name == "KIND" ? std::optional<std::string>("mx") : std::nullopt;
    });
    CHECK(run.cdb == row.cdb);
    CHECK(run.cdb_unknown == row.unknown);
    CHECK(run.asks == row.asks);
  }
}

TEST_CASE("rules that let strangers in without a variable are found") {
  const char* text =
      "127.:allow,RELAYCLIENT=\"\"\n"
      "127.0.0.2:allow\n"
      "10.:allow,RELAYCLIENT=\"\"\n"
      "192.0.2.1:allow\n"
      "192.0.2.2:allow,GREYIP=\"\"\n"
      "192.0.2.3:deny\n"
      "=mx.example.org:allow\n"
      "=:allow\n"
      ":allow,GREYIP=\"127.0.0.1@1999\"\n";
  std::vector<std::size_t> lines;
  for (const RuleDecision& rule : allowed_without(text, "GREYIP")) lines.push_back(rule.line);
  CHECK(lines == std::vector<std::size_t>{4, 7});
  CHECK(allowed_without("bad", "GREYIP").empty());
}

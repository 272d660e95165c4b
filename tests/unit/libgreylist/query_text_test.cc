// The datagram that libgreylist sends: nothing of a query is left unsaid.
#include "smtpd-glue/libgreylist/query_text.h"

#include <doctest/doctest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "greyd/core/key.h"

using namespace std::string_literals;

namespace {

using namespace grey;

struct Envelope {
  std::string sender = "a@example.org";
  std::string recipients = "Tb@example.net\0"s;
  std::string client = "192.0.2.1";
  std::string name = "";
  std::size_t max_data = GREYLIST_MAX_DATA;
};

std::string datagram(const Envelope& envelope) {
  const greylist_query query{envelope.client.c_str(), envelope.name.c_str(),
                             envelope.sender.c_str(), envelope.recipients.data(),
                             envelope.recipients.size()};
  static char buffer[wire::kMaxDatagram];
  return {buffer,
          glue::write_query(query, envelope.max_data, {.wait = true}, buffer, sizeof buffer).size};
}

struct Read {
  std::string sender, name;
  std::vector<std::string> recipients;
};
Read read(const std::string& datagram) {
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  Read read{std::string(query.sender), std::string(query.client_name), {}};
  for (const auto recipient : query.recipients) read.recipients.emplace_back(recipient);
  CHECK(query.wants_wait);
  CHECK(query.tag.size() == 16);
  return read;
}
std::string sent_sender(const std::string& sender) {
  return read(datagram({.sender = sender})).sender;
}
std::string sent_recipient(const std::string& recipient) {
  const auto recipients = read(datagram({.recipients = "T" + recipient + '\0'})).recipients;
  REQUIRE(recipients.size() == 1);
  return recipients[0];
}

std::string upper(std::string text) {
  for (char& c : text) c = char(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// 'T' address NUL for user0@x.org and so on.
std::string users(int count, const std::string& last = "") {
  std::string recipients;
  for (int i = 0; i < count; ++i) recipients += "Tu" + std::to_string(i) + "@x.org" + '\0';
  return last.empty() ? recipients : recipients + "T" + last + '\0';
}

bool is_digest(const std::string& text) {
  return text.size() == 17 && text[0] == '#' &&
         text.find_first_not_of("0123456789abcdef", 1) == std::string::npos;
}

}  // namespace

TEST_CASE("an address that the daemon keeps whole is sent whole") {
  static_assert(glue::kLongestAddress == kMaxAddress);
  const std::string longest = std::string(320 - 12, 'x') + "@example.org";
  for (const std::string& address : {""s, "a@b"s, "no-domain"s, std::string(320, 'y'), longest}) {
    CHECK(sent_sender(address) == address);
    CHECK(sent_recipient(address) == address);
  }
}

TEST_CASE("of a longer one beginning and domain are sent, and a digest between them") {
  const std::string domain = "@example.org", longest_domain = "@" + std::string(255, 'd');
  const struct {
    std::string address;
    std::size_t beginning;
    std::string domain;
  } rows[] = {
      {std::string(309, 'x') + domain, 320 - 17 - 12, domain},
      {std::string(65500, 'x') + domain, 320 - 17 - 12, domain},
      {std::string(65, 'x') + longest_domain, 320 - 17 - 256, longest_domain},
      {std::string(321, 'x'), 320 - 17, ""},
      {std::string(70000, 'x'), 320 - 17, ""},
      {std::string(64, 'x') + longest_domain + "d", 320 - 17, ""},
      {std::string(500, 'x') + "@", 320 - 17 - 1, "@"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address.size());
    for (const std::string& sent : {sent_sender(row.address), sent_recipient(row.address)}) {
      REQUIRE(sent.size() == 320);
      CHECK(sent.substr(0, row.beginning) == row.address.substr(0, row.beginning));
      CHECK(is_digest(sent.substr(row.beginning, 17)));
      CHECK(sent.substr(row.beginning + 17) == row.domain);
    }
  }
}

TEST_CASE("a long address is the same each time, in any case, and two stay two") {
  const std::string address = std::string(1000, 'x') + "@example.org";
  CHECK(upper(sent_sender(upper(address))) == upper(sent_sender(address)));
  std::set<std::string> different;
  for (std::size_t i = 0; i < address.size() - 12; ++i) {
    std::string other = address;
    other[i] = 'y';
    different.insert(sent_sender(other));
  }
  CHECK(different.size() == 1000);
  // In every process and in later versions: whoever comes back after an upgrade is known.
  CHECK(sent_sender(address).substr(291) == "#723e41f4970f9a9b@example.org");
}

TEST_CASE("a query about one recipient is whole, whatever its addresses and max_data are") {
  const std::string longest(70000, 'x'), name(255, 'n');
  for (const std::size_t max_data : {0u, 512u, 1470u, 65507u}) {
    const std::string sent = datagram({.sender = longest,
                                       .recipients = "T" + longest + '\0',
                                       .client = "2001:db8:1111:2222:3333:4444:255.255.255.255",
                                       .name = name,
                                       .max_data = max_data});
    CHECK(sent.size() <= 1000);
    static_assert(glue::kUnfragmented >= 1000);
    CHECK(sent.ends_with("\0\0"s));
    const Read got = read(sent);
    CHECK(got.sender == sent_sender(longest));
    CHECK(got.recipients == std::vector{sent_recipient(longest)});
    CHECK(got.name == name);
  }
}

TEST_CASE("recipients that do not fit are asked about by one that stands for them") {
  for (const std::size_t max_data : {512u, 1470u, 10000u}) {
    CAPTURE(max_data);
    const std::string sent =
        datagram({.recipients = users(5000), .name = "mx.example.org", .max_data = max_data});
    CHECK(sent.size() <= max_data);
    CHECK(sent.size() > max_data - 20);
    const Read got = read(sent);
    REQUIRE(got.recipients.size() > 10);
    CHECK(is_digest(got.recipients[0]));
    for (std::size_t i = 1; i < got.recipients.size(); ++i)
      CHECK(got.recipients[i] == "u" + std::to_string(i - 1) + "@x.org");
    CHECK(got.name == "mx.example.org");
  }
}

TEST_CASE("however short they are there are no more than a thousand") {
  CHECK(read(datagram({.recipients = users(1000)})).recipients.size() == 1000);
  CHECK(read(datagram({.recipients = users(1000)})).recipients[0] == "u0@x.org");
  const auto recipients = read(datagram({.recipients = users(1001)})).recipients;
  CHECK(recipients.size() == 1000);
  CHECK(is_digest(recipients[0]));
  CHECK(recipients[999] == "u998@x.org");
}

TEST_CASE("another recipient among those left out is another one that stands for them") {
  const auto stands = [](const std::string& recipients) {
    return read(datagram({.recipients = recipients, .max_data = 1470})).recipients[0];
  };
  const std::string with_a = stands(users(3000, "a@x"));
  CHECK(with_a == stands(users(3000, "a@x")));
  CHECK(with_a == stands(users(3000, "A@X")));
  CHECK(with_a != stands(users(3000, "b@x")));
  CHECK(with_a != stands(users(3000)));
  CHECK(with_a != stands(users(3000, "a@x") + "Tb@x\0"s));
  CHECK(stands(users(3000) + "Ta@x\0Tb@x\0"s) != stands(users(3000) + "Ta@xTb@x\0"s));
}

TEST_CASE("no recipient is lost behind something else") {
  const struct {
    std::string recipients;
    std::vector<std::string> asked;
  } rows[] = {
      {"Tb@x\0Tc@x\0"s, {"b@x", "c@x"}},
      {"Tb@x\0T\0Tc@x\0"s, {"b@x", "", "c@x"}},
      {"Tb@x\0\0Tc@x\0"s, {"b@x", "c@x"}},
      {"Tb@x\0junk\0Tc@x\0"s, {"b@x", "c@x"}},
      {"\0Fx@y\0Tc@x\0\0"s, {"c@x"}},
      {"Tb@x\0Tno end"s, {"b@x", "no end"}},
      {"Tno end"s, {"no end"}},
      {"T"s, {""}},
  };
  for (const auto& row : rows)
    CHECK(read(datagram({.recipients = row.recipients})).recipients == row.asked);
  for (const std::string& none : {""s, "\0\0"s, "no letter\0"s})
    CHECK(datagram({.recipients = none}) == "");
}

TEST_CASE("without an address of a client there is no query") {
  for (const char* client : {"", "unknown", "1.2.3.4.5", "192.0.2.1 ", "[192.0.2.1]",
                             "192.0.2.1%eth0", "%eth0", "fe80:%eth0", "fe80::1%", "fe80::1%%a"}) {
    CAPTURE(client);
    CHECK(datagram({.client = client}) == "");
  }
  CHECK(datagram({.client = "::ffff:192.0.2.1"}).starts_with("I::ffff:192.0.2.1\0F"s));
}

TEST_CASE("a client with a zone is asked about, without it") {
  for (const char* client : {"fe80::1", "fe80::1%eth0", "fe80::1%2"})
    CHECK(datagram({.client = client}).starts_with("Ife80::1\0F"s));
  CHECK(datagram({.client = "fe80::1%" + std::string(70000, 'z')}).size() < 100);
}

// Ends of a message, held against what real servers take for one: the lists in data/smtp_ends/.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd-glue/greysmtpd/data_end.h"

using namespace grey::smtp;
using namespace std::string_literals;

namespace {

constexpr std::size_t kLongest = 6;  // octets of the strings that the servers were tried with

char octet(char letter) {
  switch (letter) {
    case 'R':
      return '\r';
    case 'N':
      return '\n';
    case '0':
      return '\0';
    default:
      return letter;
  }
}

// The shortest strings that end a message.
std::set<std::string> ends_of(const std::string& server) {
  std::ifstream file(TEST_DATA "/data/smtp_ends/" + server);
  std::set<std::string> ends;
  for (std::string line; std::getline(file, line);) {
    for (char& c : line) c = octet(c);
    ends.insert(line);
  }
  return ends;
}

// The end that the scanner finds first, when it gets the octets one at a time and all at once.
DataEndScanner::Result first_end(std::string_view bytes) {
  DataEndScanner scanner;
  DataEndScanner::Result found{bytes.size(), DataEnd::none};
  for (std::size_t i = 0; i < bytes.size() && found.end == DataEnd::none; ++i)
    found = {i + 1, scanner.scan(bytes.substr(i, 1)).end};
  const auto whole = DataEndScanner().scan(bytes);
  CHECK(whole.taken == found.taken);
  CHECK(whole.end == found.end);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {  // and in two pieces
    DataEndScanner second;
    auto result = second.scan(bytes.substr(0, cut));
    if (result.end == DataEnd::none) {
      result = second.scan(bytes.substr(cut));
      result.taken += cut;
    }
    CHECK(result.taken == found.taken);
    CHECK(result.end == found.end);
  }
  return found;
}

bool has_bare_lf(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) return true;
  }
  return false;
}

std::vector<std::string> all_strings() {
  std::vector<std::string> strings{""};
  for (std::size_t i = 0; i < strings.size() && strings[i].size() < kLongest; ++i) {
    for (const char letter : "\r\n.\0a"s) strings.push_back(strings[i] + letter);
  }
  return strings;
}

}  // namespace

TEST_CASE("no end of a message that a real server sees is missed") {
  for (const std::string server : {"mailfront", "exim", "postfix", "qmail-smtpd"}) {
    const auto ends = ends_of(server);
    CAPTURE(server);
    CHECK(!ends.empty());
    for (const auto& end : ends) {
      CAPTURE(end);
      // Before an earlier end of the scanner's nothing passes that the server has not answered.
      CHECK(first_end(end).end != DataEnd::none);
    }
  }
}

TEST_CASE("an end that is called strict is one for every server") {
  std::size_t strict = 0;
  for (const auto& bytes : all_strings()) {
    const auto found = first_end(bytes);
    if (found.end != DataEnd::strict || found.taken < bytes.size()) continue;
    ++strict;
    for (const std::string server : {"mailfront", "exim", "postfix", "qmail-smtpd"}) {
      CAPTURE(server);
      CAPTURE(bytes);
      // qmail-smtpd has hung up at an LF without CR.
      if (server == "qmail-smtpd" && has_bare_lf(bytes)) continue;
      CHECK(ends_of(server).count(bytes) == 1);
    }
  }
  CHECK(strict > 0);
}

TEST_CASE("what looks like an end in any server's eyes is one, of the kind that is in doubt") {
  const std::string lax[] = {"\r.\n",        "\r\r.\r\n",      "\n\r.\r\n",  "x\r.\r\n",
                             "\0.\r\n"s,     "\r\n\0\r.\r\n"s, ".\0\r\n"s,   ".\r\0\n"s,
                             "\r\n.\r.\r\n", ".\r\r.\n",       "\r\n. \r\n", "\r\n.\t\n"};
  for (const auto& bytes : lax) {
    CAPTURE(bytes);
    const auto found = first_end(bytes);
    CHECK(found.end == DataEnd::lax);
    CHECK(found.taken == bytes.size());
  }
}

TEST_CASE("content that a client may send is no end") {
  const std::string content[] = {"..\r\n",    "\r\n..\r\n",   "x.\r\n",    " .\r\n",      "\t.\n",
                                 ".x\r\n",    "\r\n.\rx\r\n", "x\0.\r\n"s, "x\r\r\n\r\n", ". x\r\n",
                                 ".\r\r..\n", "\r\n.. \r\n",  "\r\n.\r"};
  for (const auto& bytes : content) {
    CAPTURE(bytes);
    CHECK(first_end(bytes).end == DataEnd::none);
  }
}

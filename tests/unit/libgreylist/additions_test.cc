// The fields behind a query's recipients are rows of a table. What is planned is tried as one here:
// a code over all that is said before it, which must be last, and whole in every query.
#include "smtpd-glue/libgreylist/additions.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "smtpd-glue/libgreylist/query_text.h"

using namespace std::string_literals;

namespace {

using namespace grey;
using glue::Addition;
using glue::Asked;

std::optional<std::size_t> eight(const Asked&) {
  return 8;
}
std::optional<std::size_t> nothing(const Asked&) {
  return std::nullopt;
}
std::string code_of(std::string_view before) {
  const std::string octets = std::to_string(1'000'000 + before.size());
  return octets + before.back();
}
void write_code(const Asked&, const glue::Written& written, char* out) {
  code_of(written.before).copy(out, 8);
}
void write_nothing(const Asked&, const glue::Written&, char*) {}

// The library's, with the code as the last of them.
std::vector<Addition> with_code() {
  const auto ours = glue::query_additions();
  std::vector<Addition> additions(ours.begin(), ours.end());
  REQUIRE(additions.back().is_last);
  additions.back() = {'K', eight, write_code, true};
  return additions;
}

std::string written(const std::vector<Addition>& additions, int recipients, std::size_t max_data,
                    std::string_view sender = "a@example.org") {
  std::string fields;
  for (int i = 0; i < recipients; ++i) fields += "Tu" + std::to_string(i) + "@example.net" + '\0';
  const std::string from(sender);
  const greylist_query query{"192.0.2.1", "mx.example.org", from.c_str(), fields.data(),
                             fields.size()};
  std::string buffer(wire::kMaxDatagram, '#');
  const auto datagram = glue::write_query(query, max_data, {true, true}, buffer.data(),
                                          buffer.size(), nullptr, additions);
  REQUIRE(datagram.size > 0);
  CHECK(buffer.find_first_not_of('#', datagram.size) == std::string::npos);
  buffer.resize(datagram.size);
  return buffer;
}

std::size_t recipients_in(const std::string& datagram) {
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  return query.recipients.size();
}

}  // namespace

TEST_CASE("the additions are sent when they say something, in the table's order") {
  const auto sent = [](const Asked& asked) {
    std::string datagram = "envelope" + std::string(300, '#');
    const auto additions = glue::query_additions();
    const glue::Tag tag{
        {'t', 'a', 'g', '-', 'o', 'f', '-', '1', '6', '-', 'o', 'c', 't', 'e', 't', 's'}};
    const std::size_t size = glue::write_additions(additions, asked, tag, datagram.data(), 8);
    CHECK(size == 8 + glue::size_of(additions, asked) + 1);
    return datagram.substr(0, size);
  };
  CHECK(sent({}) == "envelopeQtag-of-16-octets\0\0"s);
  CHECK(sent({"", {.wait = true}}) == "envelopeW\0Qtag-of-16-octets\0\0"s);
  CHECK(sent({"", {.text = true}}) == "envelopeX\0Qtag-of-16-octets\0\0"s);
  CHECK(sent({"mx.example.org", {true, true}}) ==
        "envelopeNmx.example.org\0W\0X\0Qtag-of-16-octets\0\0"s);
  const auto told = [&](std::optional<std::string_view> helo, bool early) {
    return sent({"", {}, nullptr, {helo, early}});
  };
  CHECK(told("mx.example.org", false) == "envelopeHmx.example.org\0Qtag-of-16-octets\0\0"s);
  CHECK(told("", true) == "envelopeH\0E\0Qtag-of-16-octets\0\0"s);
  CHECK(told({}, true) == "envelopeE\0Qtag-of-16-octets\0\0"s);
  CHECK(told("a b\tc\xff\x7f"s, false) == "envelopeHa b?c??\0Qtag-of-16-octets\0\0"s);
  const std::string long_helo(1000, 'h');
  CHECK(told(long_helo, false) ==
        "envelopeH" + long_helo.substr(0, wire::kMaxHelo) + "\0Qtag-of-16-octets\0\0"s);
}

TEST_CASE("a query about one recipient needs no fragments, whatever its additions are") {
  const std::string name(255, 'n'), helo(255, 'h'), sender(2000, 's');
  const std::string recipient = "T" + std::string(2000, 'r') + '\0';
  const greylist_query query{"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", name.c_str(), sender.c_str(),
                             recipient.data(), recipient.size()};
  glue::Signing signing{};
  std::string("longest-id-of-16").copy(signing.key.name.data(), wire::kMaxKeyId);
  signing.key.name_size = wire::kMaxKeyId;
  std::string buffer(glue::kUnfragmented, '#');
  const auto datagram = glue::write_query(query, 0, {true, true}, buffer.data(), buffer.size(),
                                          &signing, glue::query_additions(), {helo, true});
  CHECK(datagram.size > 1000);
}

TEST_CASE("a row more is whole and last in every query, however much is left out of it") {
  const auto additions = with_code();
  REQUIRE(glue::is_well_formed(additions));
  for (const int recipients : {1, 2, 20, 100, 5000}) {
    for (std::size_t max_data = GREYLIST_MIN_DATA; max_data < 1500; max_data += 7) {
      const std::string datagram = written(additions, recipients, max_data);
      CHECK(datagram.size() <= max_data);
      const std::size_t code = datagram.size() - 8 - 2;  // then its NUL, and the final one
      CHECK(datagram.substr(code - 1) == "K" + code_of({datagram.data(), code}) + "\0\0"s);
      // It costs recipients only where they would not have fit beside it.
      const std::string without =
          written({additions.begin(), additions.end() - 1}, recipients, max_data);
      CHECK(recipients_in(datagram) <= recipients_in(without));
      if (without.size() + 10 <= max_data) CHECK(recipients_in(datagram) == recipients_in(without));
    }
  }
  // One recipient is sent whatever it needs, and so is this.
  const std::string long_sender = written(additions, 1, 0, std::string(4000, 's'));
  CHECK(long_sender.substr(long_sender.size() - 11, 1) == "K");
}

TEST_CASE("a row that is not sent keeps no space") {
  auto additions = with_code();
  const std::string with = written(additions, 100, 700);
  additions.back().size = nothing;
  const std::string without = written(additions, 100, 700);
  CHECK(with.find("\0K"s) != std::string::npos);
  CHECK(without.find("\0K"s) == std::string::npos);
  CHECK(without.ends_with("\0\0"s));
  additions.pop_back();
  CHECK(without == written(additions, 100, 700));
}

TEST_CASE("a table in which something could follow the last, or a letter is taken, is none") {
  const Addition last{'K', eight, write_code, true}, other{'R', nothing, write_nothing};
  const auto good = [](std::vector<Addition> additions) { return glue::is_well_formed(additions); };
  CHECK(good({}));
  CHECK(good({other, last}));
  CHECK_FALSE(good({last, other}));
  CHECK_FALSE(good({other, other}));
  for (const char taken : {'I', 'F', 'T', '\0'})
    CHECK_FALSE(good({{taken, nothing, write_nothing}, last}));
}

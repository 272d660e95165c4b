#include "greyd/base/store_url.h"

#include <doctest/doctest.h>

#include <string>

using namespace grey;

namespace {

std::string said(std::string_view text) {
  const Result<StoreUrl> url = parse_store_url(text);
  return url ? to_string(*url) : url.error().text;
}

}  // namespace

TEST_CASE("what --store says, with what is left out filled in") {
  static constexpr struct {
    const char *text, *whole;
  } kRows[] = {
      {"redis://db1", "redis://db1:6379/0"},
      {"redis://db1/", "redis://db1:6379/0"},
      {"REDIS://DB1.Example.com:7000/3", "redis://db1.example.com:7000/3"},
      {"redis://grey@192.0.2.1", "redis://grey@192.0.2.1:6379/0"},
      {"redis://[2001:db8::1]", "redis://[2001:db8::1]:6379/0"},
      {"redis://[2001:db8::1]:7000/15", "redis://[2001:db8::1]:7000/15"},
      {"redis+sentinel://h1/mail", "redis+sentinel://h1:26379/mail/0"},
      {"redis+sentinel://grey@h1,h2:7000,[::1],[::1]:7/my-mail_1.x/2",
       "redis+sentinel://grey@h1:26379,h2:7000,[::1]:26379,[::1]:7/my-mail_1.x/2"},
      {"redis://a_b.c-d", "redis://a_b.c-d:6379/0"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    CHECK(said(row.text) == row.whole);
    CHECK(said(row.whole) == row.whole);
  }
}

TEST_CASE("the parts of a URL") {
  const Result<StoreUrl> url = parse_store_url("redis+sentinel://grey@h1,[::1]:7000/mail/2");
  REQUIRE(url);
  CHECK(url->places == std::vector<StorePlace>{{"h1", 26379}, {"::1", 7000}});
  CHECK(url->has_sentinels());
  CHECK(url->master == "mail");
  CHECK(url->user == "grey");
  CHECK(url->database == 2);
  CHECK_FALSE(parse_store_url("redis://h1")->has_sentinels());
}

TEST_CASE("what cannot be is one line that says what and where") {
  const std::string long_name(254, 'a');
  const std::string long_host = "redis://" + long_name;
  const struct {
    const char *text, *reason;
  } kRows[] = {
      {"", "a store is redis://HOST"},
      {"db1:6379", "a store is redis://HOST"},
      {"redis:/db1", "a store is redis://HOST"},
      {"http://db1", "not with 'http://'"},
      {"unix:///run/redis.sock", "not with 'unix://'"},
      {"rediss://db1", "stunnel"},
      {"rediss+sentinel://db1/mail", "stunnel"},
      {"redis://", "a host is missing"},
      {"redis:///3", "a host is missing"},
      {"redis://:6379", "a host is missing in ':6379'"},
      {"redis://grey@", "a host is missing"},
      {"redis://db1:0", "no port from 1 to 65535 in 'db1:0'"},
      {"redis://db1:65536", "no port from 1 to 65535 in 'db1:65536'"},
      {"redis://db1:", "no port from 1 to 65535"},
      {"redis://db1:6379x", "no port from 1 to 65535"},
      {"redis://db1:-1", "no port from 1 to 65535"},
      {"redis://2001:db8::1", "in brackets: [2001:db8::1]"},
      {"redis://[2001:db8::1", "']' is missing"},
      {"redis://[2001:db8::1]6379", "nothing but :PORT"},
      {"redis://[db1]:6379", "no IPv6 address"},
      {"redis://[192.0.2.1]", "no IPv6 address"},
      {"redis://[fe80::1%eth0]", "no IPv6 address"},
      {"redis://192.0.2.256", "no host name or address: '192.0.2.256'"},
      {"redis://10.1", "no host name or address: '10.1'"},
      {"redis://6379", "no host name or address: '6379'"},
      {"redis://d b1", "no host name or address: 'd%20b1'"},
      {"redis://b\xc3\xbc", "no host name or address"},
      {"redis://-h", "no host name or address"},
      {"redis://a..b", "no host name or address"},
      {long_host.c_str(), "no host name or address"},
      {"redis://db1,db2", "redis+sentinel://HOST"},
      {"redis://db1/mail", "a database is a number from 0 to 65535: 'mail'"},
      {"redis://db1/65536", "a database is a number"},
      {"redis://db1/1/2", "a database is a number"},
      {"redis://db1/-1", "a database is a number"},
      {"redis://@db1", "a user's name"},
      {"redis://gr%65y@db1", "a user's name"},
      {"redis://a,b@db1", "a user's name"},
      {"redis+sentinel://h1", "name for the store is missing"},
      {"redis+sentinel://h1/", "name for the store is missing"},
      {"redis+sentinel://h1//0", "name for the store is missing"},
      {"redis+sentinel://h1,/mail", "a host is missing"},
      {"redis+sentinel://,h1/mail", "a host is missing"},
      {"redis+sentinel://h1,h1/mail", "h1:26379 is named twice"},
      {"redis+sentinel://h1,H1:26379/mail", "h1:26379 is named twice"},
      {"redis+sentinel://h1/ma il", "a Sentinel's name for a store"},
      {"redis+sentinel://h1/mail/x", "a database is a number"},
      {"redis+sentinel://1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,"
       "1.1.1.10,1.1.1.11,1.1.1.12,1.1.1.13,1.1.1.14,1.1.1.15,1.1.1.16/mail",
       "more than 15 Sentinels"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    const Result<StoreUrl> url = parse_store_url(row.text);
    REQUIRE_FALSE(url);
    CHECK(url.error().exit_code == kExitMisuse);
    CHECK_MESSAGE(url.error().text.find(row.reason) != std::string::npos, url.error().text);
    CHECK(url.error().text.find('\n') == std::string::npos);
  }
}

TEST_CASE("a password in the URL is refused and not repeated") {
  for (const char* text :
       {"redis://grey:seCret@db1", "redis://:seCret@db1:6379/0", "redis://gr@seCret@db1",
        "redis://:seCret@", "redis+sentinel://u:seCret@h1,h2/mail", "redis://u:seCret@d b1",
        "redis://db1/0?password=seCret", "redis://u:a/seCret@db1", "u:seCret@db1"}) {
    CAPTURE(text);
    const Result<StoreUrl> url = parse_store_url(text);
    REQUIRE_FALSE(url);
    CHECK_MESSAGE(url.error().text.find("seCret") == std::string::npos, url.error().text);
  }
  CHECK(said("redis://grey:seCret@db1").find("--store-password-file") != std::string::npos);
}

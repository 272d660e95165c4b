#include "greyd/core/sender_key.h"

#include <doctest/doctest.h>

#include <iterator>
#include <string>

using namespace grey;

namespace {
std::string reduced(std::string_view sender, SenderKey mode) {
  SenderBuffer buffer;
  return std::string(reduce_sender(sender, mode, buffer));
}
}  // namespace

TEST_CASE("normalized folds what changes with each message") {
  const struct {
    const char* sender;
    const char* key;
  } rows[] = {
      // BATV
      {"prvs=0123abcdef=carol@example.com", "carol@example.com"},
      {"PRVS=4567fedcba=carol@example.com", "carol@example.com"},
      {"btv1==0123abcdef==carol@example.com", "carol@example.com"},
      {"msprvs1=17827RlO4BVJ9=bounces-259438-1@sparkpostmail.com", "bounces-#-#@sparkpostmail.com"},
      {"prvs=0123abcdef=list-bounces+joe=dom@example.com", "list-bounces@example.com"},
      // SRS
      {"SRS0=abcd=ef=example.org=joe@fwd.example", "srs0:example.org=joe@fwd.example"},
      {"SRS0+abcd=ef=example.org=joe@fwd.example", "srs0:example.org=joe@fwd.example"},
      {"srs0-XyZ1=T2=example.org=joe=x@fwd.example", "srs0:example.org=joe=x@fwd.example"},
      {"SRS0=a+b/=ef=example.org=joe+x@fwd.example", "srs0:example.org=joe@fwd.example"},
      {"SRS0=ab=ef=example.org=bounce-123@fwd.example", "srs0:example.org=bounce-#@fwd.example"},
      {"prvs=0123abcdef=prvs=0123abcdef=a@x.org", "a@x.org"},
      {"SRS1=hhhh=fwd.example==abcd=ef=example.org=joe@two.example",
       "srs1:fwd.example=example.org=joe@two.example"},
      {"SRS1+hhhh=fwd.example=+abcd=ef=example.org=joe@two.example",
       "srs1:fwd.example=example.org=joe@two.example"},
      {"SRS1=hhhh=fwd.example=-abcd=ef=example.org=joe@two.example",
       "srs1:fwd.example=example.org=joe@two.example"},
      // VERP and +extension
      {"list-bounces+user=dom.example@lists.example.com", "list-bounces@lists.example.com"},
      {"ann+shop@example.org", "ann@example.org"},
      {"bounces+1234567-ab12-user=dom.example@em12.example.com", "bounces@em12.example.com"},
      // numbered and hexadecimal bounces
      {"list-return-123-user=dom.example@example.org",
       "list-return-#-user=dom.example@example.org"},
      {"bounce-123-user=dom.example@example.org", "bounce-#-user=dom.example@example.org"},
      {"bounce-md_30124567.5f3c2a1b.v1-0123456789abcdef0123456789abcdef@mandrillapp.com",
       "bounce-md_#.#.v1-#@mandrillapp.com"},
      {"0100018c2f3a4b5c-1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809-000000@amazonses.com",
       "#-#-#@amazonses.com"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.sender);
    CHECK(reduced(row.sender, SenderKey::normalized) == row.key);
    // Read back from the context file it is reduced again.
    CHECK(reduced(row.key, SenderKey::normalized) == row.key);
  }
}

TEST_CASE("two attempts of one sender are one, whatever they put into the address") {
  const char* pairs[][2] = {
      {"prvs=0123abcdef=carol@example.com", "prvs=9999999999=carol@example.com"},
      {"SRS0=aaaa=bb=example.org=joe@fwd.example", "SRS0=cccc=dd=example.org=joe@fwd.example"},
      {"list-return-1-joe=dom@example.org", "list-return-2222-joe=dom@example.org"},
      {"news-bounces+a=b@example.org", "news-bounces+c=d@example.org"},
      {"0100018c2f3a4b5c-1b2c3d4e-5f60-4718-9223-b4c5d6e7f809-000000@amazonses.com",
       "0100018caaaaaaaa-1b2caaa1-abcd-4fff-beef-b4c5d6e7faa1-000000@amazonses.com"},
  };
  for (const auto& pair : pairs) {
    CAPTURE(pair[0]);
    CHECK(reduced(pair[0], SenderKey::normalized) == reduced(pair[1], SenderKey::normalized));
  }
}

TEST_CASE("two different real senders stay two") {
  const char* pairs[][2] = {
      {"123456@qq.com", "654321@qq.com"},
      {"ann-1978@example.org", "ann-1979@example.org"},
      {"ann.1978@example.org", "ann.1979@example.org"},
      {"user1@example.org", "user2@example.org"},
      {"1234567890123456@sms.example", "1234567890123457@sms.example"},
      {"deadbeef@example.org", "deadbee5@example.org"},
      {"0123abcd@example.org", "4567abcd@example.org"},
      {"+123@example.org", "+456@example.org"},
      {"prvs=0123abcdef=ann@example.com", "prvs=0123abcdef=bob@example.com"},
      {"prvs=0123abcdef=ann@example.com", "prvs=0123abcdef=ann@example.org"},
      {"SRS0=a=b=one.example=joe@fwd.example", "SRS0=a=b=two.example=joe@fwd.example"},
      {"SRS0=a=b=one.example=joe@fwd.example", "SRS0=a=b=one.example=ann@fwd.example"},
      {"SRS0=a=b=one.example=joe@fwd.example", "one.example=joe@fwd.example"},
      {"SRS1=a=f1.example==b=c=d.example=joe@f2.example",
       "SRS1=a=f3.example==b=c=d.example=joe@f2.example"},
      {"ann@one.example", "ann@two.example"},
      {"news-return-1-joe=dom@example.org", "jobs-return-1-joe=dom@example.org"},
      {"bounce-mail@example.org", "bounce-news@example.org"},
      {"ann", "bob"},
      {"", "bounce-1@example.org"},
  };
  for (const auto& pair : pairs) {
    CAPTURE(pair[0]);
    CAPTURE(pair[1]);
    CHECK(reduced(pair[0], SenderKey::normalized) != reduced(pair[1], SenderKey::normalized));
  }
}

TEST_CASE("normalizing twice is normalizing once, for any nonsense of these forms") {
  const char* const pieces[] = {"prvs=",
                                "0123abcdef=",
                                "SRS0",
                                "srs1",
                                "=",
                                "+",
                                "-",
                                "==",
                                "bounce",
                                "+SRS=",
                                "==a==",
                                "__12345678",
                                "prvs=joe/",
                                "@bounce.",
                                "abcdefghijklmnopabcd",
                                "123",
                                "host.example",
                                "user",
                                "0123456789abcdef",
                                ".",
                                "@"};
  unsigned state = 1;
  for (int i = 0; i < 100'000; ++i) {
    std::string sender;
    for (unsigned n = 1 + i % 9; n > 0; --n) {
      state = state * 1664525u + 1013904223u;
      sender += pieces[(state >> 16) % std::size(pieces)];
    }
    sender += "@x.org";
    const std::string once = reduced(sender, SenderKey::normalized);
    CAPTURE(sender);
    REQUIRE(reduced(once, SenderKey::normalized) == once);
  }
}

TEST_CASE("what only looks like one of the forms is left as it is") {
  for (const char* same : {"",
                           "@",
                           "@example.org",
                           "joe",
                           "prvs=@example.org",
                           "prvs=joe@example.org",
                           "prvs=ab cd=joe@example.org",
                           "prvs=0123abcdef=@example.org",
                           "SRS0=@fwd.example",
                           "SRS0=a=b=c@fwd.example",
                           "SRS0=a@fwd.example",
                           "SRS1=a=b=c=d=e=f@fwd.example",
                           "SRS0@example.org",
                           "srs0=@x",
                           "prvs=ab=joe@example.org",
                           "\"ann+shop\"@example.org",
                           "SRS0+a=b+c@fwd.example",
                           "ann+SRS=a=b=c@fwd.example",
                           "return@example.org",
                           "bounces@example.org"}) {
    CAPTURE(same);
    CHECK(reduced(same, SenderKey::normalized) == same);
  }
  const std::string longest = "prvs=0123abcdef=" + std::string(600, 'x') + "@example.org";
  CHECK(reduced(longest, SenderKey::normalized) == longest);
}

TEST_CASE("any length of any form stays within the buffer") {
  for (const std::string form : {"SRS1=a=b==c=d=e=", "SRS0=a=b=c=", "bounce-1-", "x+", "prvs=a="}) {
    for (std::size_t fill = 480; fill < 520; ++fill) {
      const std::string sender = form + std::string(fill - form.size(), 'y') + "@z";
      CHECK(reduced(sender, SenderKey::normalized).size() <= sender.size() + 8);
    }
  }
}

TEST_CASE("the other modes keep all, the domain or nothing") {
  CHECK(reduced("prvs=0123abcdef=a@x.org", SenderKey::full) == "prvs=0123abcdef=a@x.org");
  CHECK(reduced("\"a@b\"@x.org", SenderKey::domain) == "x.org");
  CHECK(reduced("postmaster", SenderKey::domain) == "postmaster");
  CHECK(reduced("", SenderKey::domain) == "");
  CHECK(reduced("a@x.org", SenderKey::none) == "");
}

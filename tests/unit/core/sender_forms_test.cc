#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/core/sender_key.h"

using namespace grey;

namespace {

std::string key_of(std::string_view sender) {
  SenderBuffer buffer;
  const std::string key(reduce_sender(sender, SenderKey::normalized, buffer));
  // Read back from a file it is in lower case, and reduced again.
  const std::string saved = to_lower(key);
  SenderBuffer again;
  CHECK(reduce_sender(saved, SenderKey::normalized, again) == saved);
  return saved;
}

}  // namespace

// Addresses as they are seen in mail, with names and hosts of documentation. {} stands for what
// tells two senders apart, in each form: a user, a list, a customer.
TEST_CASE("two messages of one sender have one key, and those of two senders have two") {
  const struct {
    const char *first, *second;  // two messages of the sender {}
    const char* key;
  } rows[] = {
      // BATV
      {"prvs=0123abcdef={}@a.example", "prvs=4567fedcba={}@a.example", "{}@a.example"},
      {"prvs={}=0123abcdef@a.example", "prvs={}=4567fedcba@a.example", "{}@a.example"},
      {"prvs={}/0123abcdef@a.example", "prvs={}/4567fedcba@a.example", "{}@a.example"},
      {"PRVS=0123ABCDEF={}@a.example", "prvs=0999abcdef={}@a.example", "{}@a.example"},
      {"prvs=058a4c9ef={}@a.example", "prvs=1897c9a8b={}@a.example", "{}@a.example"},
      {"prvs={}=058a4c9ef@a.example", "prvs={}=1897c9a8b@a.example", "{}@a.example"},
      {"prvs=0123abcdef={}+ext@a.example", "prvs=4567fedcba={}@a.example", "{}@a.example"},
      {"prvs={}=x.example=0123abcdef@a.example", "prvs={}=x.example=0123aaaaaa@a.example",
       "{}=x.example@a.example"},
      {"prvs={}.0123abcdef=0123abcdef@a.example", "prvs={}.0123abcdef=4567abcdef@a.example",
       "{}.0123abcdef@a.example"},
      {"btv1==0123abcdef1=={}@a.example", "btv1==4567fedcba2=={}@a.example", "{}@a.example"},
      {"btv1=={}==0123abcdef1@a.example", "btv1=={}==4567fedcba2@a.example", "{}@a.example"},
      {"msprvs1=17827RlO4BVJ9={}@a.example", "msprvs1=17999aaaaBVJ9={}@a.example", "{}@a.example"},
      {"SES=DMCHBLAEF7FXQ={}@a.example", "SES=AMCHBLAEF2FXQ={}@a.example", "{}@a.example"},
      // SRS
      {"SRS0=kK9a=SM=a.example={}@f.example", "SRS0=x+/z=SN=a.example={}@f.example",
       "srs0:a.example={}@f.example"},
      {"SRS0+kK9a=SM=a.example={}@f.example", "SRS0-kK9a=SN=a.example={}@f.example",
       "srs0:a.example={}@f.example"},
      {"SRS0=kK9a=SM={}.example=joe@f.example", "SRS0=zzzz=SN={}.example=joe@f.example",
       "srs0:{}.example=joe@f.example"},
      {"SRS1=HH=f.example==kK9a=SM=a.example={}@g.example",
       "SRS1=II=f.example==zzzz=SN=a.example={}@g.example",
       "srs1:f.example=a.example={}@g.example"},
      {"SRS1+HH=f.example=+kK9a=SM=a.example={}@g.example",
       "SRS1-HH=f.example=-kK9a=SN=a.example={}@g.example",
       "srs1:f.example=a.example={}@g.example"},
      {"SRS1=HH={}.example==kK9a=SM=a.example=joe@g.example",
       "SRS1=II={}.example==zzzz=SN=a.example=joe@g.example",
       "srs1:{}.example=a.example=joe@g.example"},
      {"joe+SRS=kK9ab=SM=a.example={}@f.example", "joe+SRS=zz/+b=SN=a.example={}@f.example",
       "srs:joe=a.example={}@f.example"},
      {"{}+SRS=kK9ab=SM=a.example=joe@f.example", "{}+SRS=zz/+b=SN=a.example=joe@f.example",
       "srs:{}=a.example=joe@f.example"},
      {"joe+SRS=kK9ab=SM={}.example=joe@f.example", "joe+SRS=zz/+b=SN={}.example=joe@f.example",
       "srs:joe={}.example=joe@f.example"},
      {"bounces+SRS=kK9ab=SM@{}.example", "bounces+SRS=zz/+b=SN@{}.example", "bounces@{}.example"},
      // one form in another
      {"SRS0=kK9a=SM=a.example=prvs=0123abcdef={}@f.example",
       "SRS0=zzzz=SN=a.example=prvs={}=4567fedcba@f.example", "srs0:a.example={}@f.example"},
      {"prvs=0123abcdef=SRS0=kK9a=SM=a.example={}@f.example",
       "prvs=4567abcdef=SRS0=zzzz=SN=a.example={}@f.example", "srs0:a.example={}@f.example"},
      {"joe+SRS=kK9ab=SM=a.example=prvs=0123abcdef={}@f.example",
       "joe+SRS=zz/+b=SN=a.example=prvs=4567abcdef={}@f.example", "srs:joe=a.example={}@f.example"},
      {"SRS0=kK9a=SM=a.example={}-return-12-joe=d.example@f.example",
       "SRS0=zzzz=SN=a.example={}-return-13-joe=d.example@f.example",
       "srs0:a.example={}-return-#-joe=d.example@f.example"},
      {"prvs=0123abcdef={}-bounces+joe=d.example@a.example",
       "prvs=4567abcdef={}-bounces+joe=d.example@a.example", "{}-bounces@a.example"},
      // VERP and extensions
      {"{}-bounces+ann=d.example@a.example", "{}-bounces+bob=e.example@a.example",
       "{}-bounces@a.example"},
      {"{}+bncBCD6AB7@a.example", "{}+bncBAABBFF@a.example", "{}@a.example"},
      {"{}+caf_=ann=d.example@a.example", "{}+caf_=bob=d.example@a.example", "{}@a.example"},
      {"{}+shop@a.example", "{}+news@a.example", "{}@a.example"},
      {"bounces+1234567-ab12-ann=d.example@{}.example",
       "bounces+1234567-cd34-bob=d.example@{}.example", "bounces@{}.example"},
      {"bounce+a1b2c3.4d5e6f-ann=d.example@{}.example",
       "bounce+0a0b0c.4d5e6f-bob=d.example@{}.example", "bounce@{}.example"},
      {"bounce+ann==a==d.example=={}@a.example", "bounce+bob==a==e.example=={}@a.example",
       "sympa:{}@a.example"},
      {"bounce+ann==a==d.example=={}==w@a.example", "bounce+bob==a==e.example=={}==r@a.example",
       "sympa:{}@a.example"},
      {"{}=a.example__3k5ze1q7ywd6a0@b.na1.bnc.example",
       "{}=a.example__0-zzze1q7yw_a0@b.na1.bnc.example", "{}=a.example@b.na1.bnc.example"},
      // numbered
      {"{}-return-123-joe=d.example@a.example", "{}-return-4567-joe=d.example@a.example",
       "{}-return-#-joe=d.example@a.example"},
      {"{}-return-warn-1234567890.abcdefghijklmnopabcd-joe=d.example@a.example",
       "{}-return-warn-1234567999.bbbbefghijklmnopabcd-joe=d.example@a.example",
       "{}-return-warn-#.#-joe=d.example@a.example"},
      {"{}-2025-return-1-@a.example", "{}-2025-return-2-@a.example", "{}-2025-return-#-@a.example"},
      {"bounce-12345-67890@{}.example", "bounce-12399-67999@{}.example", "bounce-#-#@{}.example"},
      {"bounce-{}-67890@a.example", "bounce-{}-67999@a.example", "bounce-{}-#@a.example"},
      {"bounce-1234_HTML-567890-12345-7280000-42@bounce.{}.example",
       "bounce-1299_HTML-567891-12345-7280000-43@bounce.{}.example",
       "bounce-#_html-#-#-#-#@bounce.{}.example"},
      {"bounce-mc.us1_12345678.1234567-{}=d.example@mail1.a.example",
       "bounce-mc.us1_12345678.7654321-{}=d.example@mail1.a.example",
       "bounce-mc.us1_#.#-{}=d.example@mail1.a.example"},
      {"bounce-md_30124567.5f3c2a1b.v1-0123456789abcdef0123456789abcdef@{}.example",
       "bounce-md_30124567.5f3c2b1c.v1-fedcba98765432100123456789abcdef@{}.example",
       "bounce-md_#.#.v1-#@{}.example"},
      {"msprvs1=17827RlO4BVJ9=bounces-259438-1@{}.example",
       "msprvs1=17828RlO4BVJ8=bounces-259438-2@{}.example", "bounces-#-#@{}.example"},
      {"0100017f1a2b3c4d-1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809-000000@{}.example",
       "0100017f1a2bffff-aaaabbbb-5f60-4718-92a3-b4c5d6e7f809-000000@{}.example",
       "#-#-#@{}.example"},
      {"m-p5uv3eDGk3oB1mmzyJfI6wZzW-CYJ_r6Ch7hFs2@bounce.{}.example",
       "m-AAAA3eDGk3oB1mmzyJfI6wZzW_CYJ-r6Ch7hFs9@bounce.{}.example", "m-#@bounce.{}.example"},
      {"3v8xXZQoTCXEpqtufsMzddzsz@x.bounces.{}.example",
       "3aaaXZQoTCXEpqtufsMzddz00@x.bounces.{}.example", "#@x.bounces.{}.example"},
      {"b02f8a3c0bc-{}=d.example@bounce.a.example", "b02f8a9900c-{}=d.example@bounce.a.example",
       "#-{}=d.example@bounce.a.example"},
  };
  const auto of = [](std::string text, std::string_view name) {
    text.replace(text.find("{}"), 2, name);
    return text;
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    const std::string john = key_of(of(row.first, "john"));
    CHECK(john == of(row.key, "john"));
    CHECK(key_of(of(row.second, "john")) == john);
    CHECK(key_of(of(row.first, "jane")) != john);
    CHECK(key_of(of(row.second, "jane")) != john);
    // The domain behind the '@' tells two apart in each form.
    const auto elsewhere = [&](std::string text) {
      return key_of(text.insert(text.rfind('@') + 1, "other."));
    };
    CHECK(elsewhere(of(row.first, "john")) != john);
    CHECK(elsewhere(of(row.first, "john")) == elsewhere(of(row.second, "john")));
  }
}

TEST_CASE("two people stay two, whatever their names look like") {
  const char* pairs[][2] = {
      // No extension: '-', '.', '_' and '=' are part of names.
      {"ann-marie@a.example", "ann-sophie@a.example"},
      {"ann-1978@a.example", "ann-1979@a.example"},
      {"ann=x.example@a.example", "ann=y.example@a.example"},
      {"+john@a.example", "+jane@a.example"},
      {"\"+john\"@a.example", "\"+jane\"@a.example"},
      {"\"a b+john\"@a.example", "\"a b+jane\"@a.example"},
      {"\"prvs=0123abcdef=john\"@a.example", "\"prvs=0123abcdef=jane\"@a.example"},
      {"owner-john@a.example", "owner-jane@a.example"},
      {"owner-list*john**d.example@a.example", "owner-list*jane**d.example@a.example"},
      {"john-owner@a.example", "jane-owner@a.example"},
      {"john-request@a.example", "jane-request@a.example"},
      // Not one of the shapes: neither side is a tag.
      {"prvs=john=doe@a.example", "prvs=jane=doe@a.example"},
      {"prvs=doe=john@a.example", "prvs=doe=jane@a.example"},
      {"prvs=john=0123abcdeg@a.example", "prvs=jane=0123abcdeg@a.example"},
      {"prvs=john/jane@a.example", "prvs=jane/jane@a.example"},
      {"btv1==john==doe@a.example", "btv1==jane==doe@a.example"},
      {"msprvs1=johnjohnj=doe@a.example", "msprvs1=janejanej=doe@a.example"},
      {"ses=john=doe@a.example", "ses=jane=doe@a.example"},
      {"SRS0=john=doe@a.example", "SRS0=jane=doe@a.example"},
      {"SRS0+a+john@a.example", "SRS0+a+jane@a.example"},
      {"SRS1=a=b=c+john@a.example", "SRS1=a=b=c+jane@a.example"},
      {"joe+SRS=a=b=john@f.example", "joe+SRS=a=b=jane@f.example"},
      {"joe+SRS=a=b=a.example=john@f.example", "joe+SRS=a=b=a.example=jane@f.example"},
      {"joe+SRS=a=b=a.example=joe@f.example", "jim+SRS=a=b=a.example=joe@f.example"},
      {"SRS0=a=b=a.example=joe@f.example", "joe+SRS=a=b=a.example=joe@f.example"},
      {"john=a.example__short@b.example", "jane=a.example__short@b.example"},
      {"john__0123456789@a.example", "john__9876543210@a.example"},
      {"a=b__0123456789@a.example", "a=b__9876543210@a.example"},
      {"bounce+x==a==d.example==john@a.example", "bounce+x==a==d.example==jane@a.example"},
      // Tags that could be names: users whose names are numbers, beside a real tag.
      {"prvs=1234567890=john@a.example", "prvs=1234567890=jane@a.example"},
      {"prvs=0123abcdef=123456@a.example", "prvs=0123abcdef=654321@a.example"},
      {"prvs=123456=0123abcdef@a.example", "prvs=654321=0123abcdef@a.example"},
      // Numbers and hexadecimal alone, and relays that hide people.
      {"123456@qq.example", "654321@qq.example"},
      {"0123456789abcdef0123456789abcdef@reply.example",
       "fedcba98765432100123456789abcdef@reply.example"},
      {"1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809@a.example",
       "1b2c3d4e-5f60-4718-92a3-b4c5d6e7f80a@a.example"},
      {"0123456789abcdef@a.example", "0123456789abcdee@a.example"},
      {"john@bounce.example", "jane@bounce.example"},
      {"john1978@bounce.example", "john1979@bounce.example"},
      {"m-p5uv3eDGk3oB1mmzyJfI6wZzW@a.example", "m-AAAA3eDGk3oB1mmzyJfI6wZzW@a.example"},
      {"news-2025-return-1@a.example", "news-2026-return-1@a.example"},
      {"1234567890.abcdefghijklmnopabcd@a.example", "1234567890.bbbdefghijklmnopabcd@a.example"},
      {"return@a.example", "returns@a.example"},
      {"john", "jane"},
      {"john@", "jane@"},
  };
  for (const auto& pair : pairs) {
    CAPTURE(pair[0]);
    CAPTURE(pair[1]);
    CHECK(key_of(pair[0]) != key_of(pair[1]));
  }
}

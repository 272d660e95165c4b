#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "smtp_talk.h"

using namespace grey::smtp;
using namespace std::string_literals;

namespace {

void check_refused(std::string_view argument) {
  CAPTURE(argument);
  for (const std::string command : {"MAIL FROM:", "RCPT TO:"}) {
    for (const auto ending : {"\r\n", "\n"}) {
      CHECK_FALSE(address_of(command + std::string(argument) + ending));
    }
  }
}

}  // namespace

TEST_CASE("what follows the closing bracket without a blank may be more of the address") {
  // Postfix reads them as v@d.test, most others as the address in the brackets.
  for (const auto argument :
       {"<>v@d.test", "<>,v@d.test", "<>;v@d.test", "<>:v@d.test", "<>\"v\"@d.test",
        "<>(c)v@d.test", "<>\\v@d.test", "<>@d.test", "<a@b.c>v@d.test", "<a@b.c>SIZE=1",
        "<a@b.c>>", "<a@b.c><v@d.test>", " <>v@d.test", "Joe <>v@d.test"}) {
    check_refused(argument);
  }
}

TEST_CASE("an address without brackets has none of them") {
  for (const auto argument : {"v@d.test>", ">v@d.test", " >v@d.test", "v>@d.test", ">",
                              "\"v>\"@d.test", "v@d.test SIZE=>", "\\>v@d.test"}) {
    check_refused(argument);
  }
}

TEST_CASE("blanks that are not quoted are no part of an address") {
  for (const auto argument :
       {"<v @d.test>", "<v@d.test SIZE=1>", "< v@d.test >", "< v@d.test>", "<v@d.test >", "< >",
        "<v\t@d.test>", "<v@d.test\t>", "<v@d.test SIZE=1", "<@r s:v@d.test>", "v @d.test",
        "v w@d.test", "v@d.test\tSIZE=1", "\tv@d.test"}) {
    check_refused(argument);
  }
  CHECK(address_of("MAIL FROM:<\"a \"@x>") == "a @x");
  CHECK(address_of("MAIL FROM:<a\\ b@x>") == "a b@x");
}

TEST_CASE("only parameters follow an address") {
  for (const std::string address : {"v@d.test", "<v@d.test>", " <v@d.test>"}) {
    for (const std::string parameters :
         {"", " ", " SIZE=1", "  SIZE=1 BODY=8BITMIME ", " SMTPUTF8", " RET=HDRS ENVID=a=b@c.d",
          " ORCPT=rfc822;x@y.z", " MT-PRIORITY=3", " x2=\"", " AUTH=a+3Db", " SIZE="}) {
      CHECK(address_of("MAIL FROM:" + address + parameters + "\r\n") == "v@d.test");
    }
    for (const std::string more : {" @d.test", " w@d.test", " SIZE=1 w@d.test", " =1", " SIZE = 1",
                                   " -x", " (c)", " ,v", " ;", " \"SIZE\"=1", " S_X=1", " \\v"}) {
      check_refused(address + more);
    }
  }
  CHECK(address_of("MAIL FROM:<v@d.test>\tSIZE=1 AUTH=<>") == "v@d.test");
  CHECK(address_of("MAIL FROM:<> SIZE=1 AUTH=<>") == "");
}

TEST_CASE("a route that some see before they remove quotes, and others behind that") {
  for (const auto argument :
       {"<\"@x:b\"@d.test>", "<\\@x:b@d.test>", "<\"@\"x:b@d.test>", "\"@x:b\"@d.test",
        "<@r:@x:b@d.test>", "<@r:\"@x:b\"@d.test>", "<@\"r:x\":b@d.test>", "<@r\\:x:b@d.test>",
        "<@[IPv6:2001:db8::1]:b@d.test>", "<@r>:b@d.test>", "<@r> X:b@d.test",
        "<@r> ORCPT=rfc822:b@d.test", "<@r>", "@r"}) {
    check_refused(argument);
  }
  CHECK(address_of("RCPT TO:<@r.s,@t.u:a@b.c>") == "a@b.c");
}

TEST_CASE("a quote that is not closed, and a line without a colon, are no addresses") {
  check_refused("<\"v@d.test>");
  check_refused("<v\"@d.test> SIZE=1");
  check_refused("\"v@d.test");
  for (const auto line : {"MAIL FROM v@d.test", "MAIL v@d.test", "RCPT TO v", "RCPT v",
                          "MAIL FROM\tv@d.test", "RCPT FROM TO"}) {
    CAPTURE(line);
    CHECK_FALSE(address_of(line));
  }
}

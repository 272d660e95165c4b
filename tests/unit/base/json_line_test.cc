#include "greyd/base/json_line.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace grey;
using nlohmann::json;

TEST_CASE("an object is a line that another program reads") {
  std::string out;
  JsonLine line(out);
  line.text("state", "waiting").word("sender", "").number("first_seen", 1'700'000'000);
  line.flag("again", true).begin_list("recipients").word({}, "a@x").word({}, "b@y").end_list();
  line.begin_object("client").number("passes", 2).end_object().number("last", 3).end();
  CHECK(out ==
        "{\"state\":\"waiting\",\"sender\":\"<>\",\"first_seen\":1700000000,\"again\":true,"
        "\"recipients\":[\"a@x\",\"b@y\"],\"client\":{\"passes\":2},\"last\":3}\n");
  CHECK(json::parse(out)["client"]["passes"] == 2);
}

TEST_CASE("nothing in it and nothing in a list are written, too") {
  std::string out;
  JsonLine line(out);
  line.begin_list("problems").end_list().begin_object("counters").end_object().end();
  CHECK(out == "{\"problems\":[],\"counters\":{}}\n");
}

TEST_CASE("any octet is taken, and what is written is one printable line of JSON") {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all += char(octet);
  std::string out;
  JsonLine(out).text("text", all).word("word", all).end();
  CHECK(out.find_first_not_of(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\n") == std::string::npos);
  CHECK(out.find('\n') == out.size() - 1);
  const json object = json::parse(out);
  CHECK(object["text"].get<std::string>().find("%00%01") == 0);
  CHECK(read_word(object["word"].get<std::string>()).has_value() == false);  // it has a NUL
  out.clear();
  JsonLine(out).word("word", all.substr(1)).end();
  CHECK(read_word(json::parse(out)["word"].get<std::string>()) == all.substr(1));
}

#include "greyd/control/request.h"

#include <doctest/doctest.h>

#include <string>

using namespace grey;

namespace {

std::string error_of(const std::string& line) {
  const auto request = Request::parse(line);
  REQUIRE_FALSE(request);
  CHECK(request.error().exit_code == kExitMisuse);
  return request.error().text;
}

}  // namespace

TEST_CASE("a request is a command and fields, each taken by its kind") {
  auto request = Request::parse(
      R"({"command":"query","client":"192.0.2.1","sender":"<>","recipients":["a@x","b%20@y"],)"
      R"("limit":10})");
  REQUIRE(request);
  CHECK(request->command() == "query");
  CHECK(request->text("client") == "192.0.2.1");
  CHECK(request->word("sender") == "");
  CHECK(request->words("recipients") == std::vector<std::string>{"a@x", "b @y"});
  CHECK(request->number("limit") == 10);
  CHECK_FALSE(request->text("state"));
  CHECK(request->end());
}

TEST_CASE("an object may have truths, and lists of objects, whose faults name the list") {
  auto request = Request::parse(
      R"({"command":"import","dry_run":true,"none":[],"records":[{"client":"a"},{"client":7}]})");
  REQUIRE(request);
  CHECK(request->flag("dry_run"));
  CHECK_FALSE(request->flag("other"));
  CHECK(request->objects("none").empty());
  auto records = request->objects("records");
  REQUIRE(records.size() == 2);
  CHECK(records[0].text("client") == "a");
  CHECK(records[0].end());
  CHECK_FALSE(records[1].text("client"));
  CHECK(records[1].end().error().text == "records 2: field client: not a text");
  CHECK(request->end());
  CHECK_FALSE(Request::parse(R"({"command":"a","b":[{"c":[]}]})"));
  CHECK_FALSE(Request::parse(R"({"command":"a","b":[{"c":{}}]})"));
  CHECK_FALSE(Request::parse(R"({"command":"a","b":["x",{}]})"));
}

TEST_CASE("what is left, and what is of another kind, is a fault that names the field") {
  const auto fault = [](const char* line, auto take) {
    auto request = Request::parse(line);
    REQUIRE(request);
    take(*request);
    const auto good = request->end();
    REQUIRE_FALSE(good);
    return good.error().text;
  };
  CHECK(fault(R"({"command":"list","clinet":"x"})", [](Request&) {}) ==
        "list: no such field: clinet");
  CHECK(fault(R"({"command":"list","limit":"x"})", [](Request& r) { r.number("limit"); }) ==
        "list: field limit: not a whole number");
  CHECK(fault(R"({"command":"list","sender":7})", [](Request& r) { r.word("sender"); }) ==
        "list: field sender: not a text");
  CHECK(fault(R"({"command":"list","sender":"%zz"})", [](Request& r) {
          r.word("sender");
        }).starts_with("list: field sender: not a word"));
  CHECK(fault(R"({"command":"list","sender":"a b"})", [](Request& r) {
          r.word("sender");
        }).starts_with("list: field sender: not a word"));
  CHECK(fault(R"({"command":"list","to":"a"})", [](Request& r) { r.words("to"); }) ==
        "list: field to: not a list of texts");
}

TEST_CASE("what is no request is said") {
  for (const char* line : {"", "x", "[]", "7", "{", "{\"command\":\"list\"} more", "\"list\"",
                           "{\"a\":{\"b\":1},\"command\":\"list\"} ", "{\"command\":\"\xff\"}"}) {
    CAPTURE(line);
    const std::string error = error_of(line);
    CHECK((error == "the request is no object of JSON" ||
           error == "field a: not a text, a number or a list of texts"));
  }
  CHECK(error_of("{}") == "the request names no command");
  CHECK(error_of(R"({"command":""})") == "the request names no command");
  CHECK(error_of(R"({"command":7})") == "the request names no command");
  for (const char* value : {"-1", "1.5", "null", "99999999999999999999", "[1]", "{}"}) {
    CAPTURE(value);
    CHECK(error_of(std::string(R"({"command":"list","limit":)") + value + "}")
              .find("limit: not a text, a number or a list of texts") != std::string::npos);
  }
}

TEST_CASE("a request as deep as a line is long is refused, and takes no stack") {
  CHECK(error_of(std::string(60'000, '[')) == "the request is no object of JSON");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  CHECK(error_of(deep) == "the request is no object of JSON");
  CHECK(error_of(R"({"command":"list","a":[[)" + std::string(50'000, '[') + "]]}") ==
        "the request is no object of JSON");
}

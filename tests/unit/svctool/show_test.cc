#include "svctool/files/show.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "svctool/plan/service_dir.h"

using namespace grey::svctool;
using Type = Change::Type;

namespace {

struct File {
  Entry entry;
  Change change;
  File(Type type, std::string old_content, std::string content, std::string detail = "") {
    entry.path = TargetPath("/s/f");
    entry.content = std::move(content);
    change = {type, &entry, "/d/s/f", std::move(old_content), std::move(detail)};
  }
};

}  // namespace

TEST_CASE("a change in one line, and with its diff") {
  const File setting(Type::content, "5\n", "7\n");
  CHECK(describe(setting.change) == "change /d/s/f: '5' -> '7'");
  CHECK(describe_in_full(setting.change) ==
        "change /d/s/f: '5' -> '7'\n--- /d/s/f\n+++ /d/s/f\n@@ -1 +1 @@\n-5\n+7\n");
  const File script(Type::content, "a\nb\n", "a\nc\n");
  CHECK(describe(script.change) == "change /d/s/f");
  const File made(Type::create, "", "a\n");
  CHECK(describe_in_full(made.change) ==
        "create /d/s/f\n--- /dev/null\n+++ /d/s/f\n@@ -0,0 +1 @@\n+a\n");
  const File gone(Type::remove, "a\n", "");
  CHECK(describe_in_full(gone.change) ==
        "remove /d/s/f\n--- /d/s/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
  const File mode(Type::attributes, "", "", "mode 0600 -> 0644");
  CHECK(describe_in_full(mode.change) == "change /d/s/f: mode 0600 -> 0644\n");
  const File blocked(Type::in_the_way, "", "", "it is not a directory");
  CHECK(describe(blocked.change) == "/d/s/f is in the way: it is not a directory");
}

TEST_CASE("the plan as JSON has every entry, and what would change") {
  ServiceRequest request;
  request.port = 1999;
  request.prefix = "/usr";
  request.samples["whitelist"] = "\xff";  // not UTF-8
  request.values["control-group"] = "greylist";
  const Plan plan = plan_service(request);
  Comparison comparison;
  for (const Entry& entry : plan.entries) {
    if (entry.path.said().ends_with("/run")) {
      comparison.changes.push_back({Type::content, &entry, "/d" + entry.path.said(), "old\n", ""});
    }
  }
  const auto json =
      nlohmann::json::parse(to_json(plan, comparison, {{"qmaill", "loguser"}}, Destdir("/d")));
  CHECK(json["service"] == "/d/service/greylist.1999");
  CHECK(json["changes"] == 3);
  CHECK(json["users"] == nlohmann::json::parse(R"([{"name":"indimail","change":"none"},
                                  {"name":"qmaill","change":"create"}])"));
  CHECK(json["groups"] == nlohmann::json::parse(R"([{"name":"greylist","change":"none"}])"));
  REQUIRE(json["entries"].size() == plan.entries.size());
  const auto& first = json["entries"][0];
  CHECK(first["type"] == "directory");
  CHECK(first["path"] == "/d/etc/indimail/control");
  CHECK(first["mode"] == "0755");
  CHECK(first["owner"] == "indimail");
  CHECK(first["keep"] == true);
  CHECK(first["change"] == "none");
  CHECK_FALSE(first.contains("content"));
  const auto& last = json["entries"].back();
  CHECK(last["path"] == "/d/service/greylist.1999/run");
  CHECK(last["change"] == "content");
  CHECK(last["old_content"] == "old\n");
  CHECK(last["content"] == plan.entries.back().content);
}

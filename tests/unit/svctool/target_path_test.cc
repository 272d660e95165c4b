// --destdir: what files say, and where it is written. See target_path.h.
#include "svctool/plan/target_path.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <type_traits>

#include "greyd/base/place.h"
#include "svctool/files/compare.h"

using namespace grey::svctool;

// Whoever forgets --destdir has nothing that could be opened.
static_assert(!std::is_convertible_v<TargetPath, std::string>);
static_assert(!std::is_convertible_v<TargetPath, const char*>);
static_assert(!std::is_convertible_v<TargetPath, std::filesystem::path>);
static_assert(!std::is_convertible_v<std::string, TargetPath>);
static_assert(!std::is_invocable_v<decltype(&grey::is_there), TargetPath>);
static_assert(!std::is_invocable_v<decltype(&grey::is_there), decltype(Plan::service)>);
static_assert(!std::is_invocable_v<decltype(&grey::is_there), decltype(Entry::path)>);

TEST_CASE("a path is written below --destdir and said without it") {
  const TargetPath run = TargetPath("/service/x") + "/run";
  CHECK(run.said() == "/service/x/run");
  CHECK(Destdir("/tmp/stage").at(run) == "/tmp/stage/service/x/run");
  CHECK(Destdir().at(run) == "/service/x/run");
  CHECK(Destdir("/").at(run) == "/service/x/run");
  CHECK(Destdir("/").is_this_machine());
  CHECK_FALSE(Destdir("/tmp/stage").is_this_machine());
}

TEST_CASE("a path is below a directory and not below one of a longer or shorter name") {
  const TargetPath service("/service/x");
  CHECK((service + "/log/run").is_below(service));
  CHECK_FALSE(service.is_below(service));
  CHECK_FALSE(TargetPath("/service/xy").is_below(service));
  CHECK_FALSE(service.is_below(service + "/log"));
}

// What was ordered and is not said yet outlives the daemon.
#include "greyd/shared/unsaid.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "greyd/base/files.h"
#include "tests/temporary_directory.h"

using namespace grey;
using shared::Order;

namespace {

constexpr Seconds kNow = 1'764'172'800;

std::vector<Order> two_orders() {
  Order forget{Order::Kind::forget, kNow, "uid:0@mx1.1999", {}, {}, {}};
  forget.records.sender = "*@x";
  return {forget, {Order::Kind::block, kNow, "uid:0@mx1.1999", {}, "192.0.2.7", kNow + 60}};
}

struct Fixture {
  testing::TemporaryDirectory directory;
  std::string path = shared::unsaid_path(directory / "context");
  InlineBackground background;
  std::string said;
  shared::UnsaidKeeper keeper{path, background,
                              [this](const std::string& text) { said += text + "\n"; }};
  std::string content() { return read_file(path)->value_or("none"); }
  void write(const std::string& text) { REQUIRE(replace_file(path, text, {0600, {}, {}})); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "orders that wait are lines that people can read") {
  REQUIRE(shared::save_unsaid(path, two_orders()));
  CHECK(content() ==
        "qmail-greyd orders 1\n"
        R"({"order":"forget","at":1764172800,"by":"uid:0@mx1.1999","sender":"*@x"})"
        "\n"
        R"({"order":"block","at":1764172800,"by":"uid:0@mx1.1999","entry":"192.0.2.7",)"
        R"("until":1764172860})"
        "\nend 2\n");
  const std::vector<Order> read = keeper.load(kNow);
  REQUIRE(read.size() == 2);
  CHECK(read[0].records.sender == "*@x");
  CHECK(read[1].until == kNow + 60);
  CHECK(said.empty());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(Fixture, "where nothing waits there is no file") {
  CHECK(keeper.load(kNow).empty());
  keeper.keep(1, [] { return two_orders(); });
  CHECK(content().ends_with("end 2\n"));
  keeper.keep(2, [] { return std::vector<Order>(); });
  CHECK(content() == "none");
  keeper.keep(3, [] { return std::vector<Order>(); });
  keeper.save(4, two_orders());
  CHECK(content().ends_with("end 2\n"));
  CHECK(said.empty());
}

TEST_CASE_FIXTURE(Fixture, "it is written when it has changed, and no more often") {
  int asked = 0;
  const auto orders = [&] {
    ++asked;
    return two_orders();
  };
  keeper.keep(0, orders);
  CHECK(asked == 0);
  keeper.keep(7, orders);
  keeper.keep(7, orders);
  CHECK(asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "one that is damaged is set aside, and what can be read of it counts") {
  const std::string good = R"({"order":"unlist","at":1764172800,"by":"uid:0","entry":"192.0.2.7"})"
                           "\n";
  for (const std::string& text :
       {std::string("x"), "qmail-greyd orders 1\n" + good,
        "qmail-greyd orders 1\n" + good + "end 2\n",
        "qmail-greyd orders 1\n{\"order\":\"dance\"}\n" + good + "end 2\n"}) {
    CAPTURE(text);
    ::unlink((path + ".damaged." + std::to_string(kNow)).c_str());
    write(text);
    said.clear();
    CHECK(keeper.load(kNow).size() == (text == "x" ? 0 : 1));
    CHECK(said.find("; kept as " + path + ".damaged." + std::to_string(kNow)) != std::string::npos);
    CHECK(*read_file(path + ".damaged." + std::to_string(kNow)) == text);
  }
}

TEST_CASE_FIXTURE(Fixture, "what cannot be read is not written over, and said once") {
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  CHECK(keeper.load(kNow).empty());
  CHECK(said.find(path) != std::string::npos);
  keeper.keep(1, [] { return two_orders(); });
  keeper.save(2, two_orders());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(S_ISDIR(status.st_mode));
}

TEST_CASE_FIXTURE(Fixture, "a disk that takes nothing is told of once, and tried again") {
  shared::UnsaidKeeper other(directory / "none/context.orders", background,
                             [this](const std::string& text) { said += text + "\n"; });
  for (int i = 0; i < 5; ++i) other.keep(1, [] { return two_orders(); });
  CHECK(said.find("none/context.orders") != std::string::npos);
  CHECK(said.find('\n') == said.size() - 1);
  REQUIRE(::mkdir((directory / "none").c_str(), 0700) == 0);
  other.keep(1, [] { return two_orders(); });
  CHECK(read_file(directory / "none/context.orders")->has_value());
}

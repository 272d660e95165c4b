#include "svctool/disk/transaction.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

using grey::svctool::Transaction;
namespace fs = std::filesystem;

namespace {

struct TemporaryDirectory {
  std::string path = (fs::temp_directory_path() / "svctool.XXXXXX").string();
  TemporaryDirectory() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~TemporaryDirectory() { fs::remove_all(path); }
};

// Every path below `root`, with the content of files.
std::map<std::string, std::string> tree(const std::string& root) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::string content = "(directory)";
    if (entry.is_regular_file()) {
      std::ifstream file(entry.path());
      content.assign(std::istreambuf_iterator<char>(file), {});
    }
    result[entry.path().string().substr(root.size())] = content;
  }
  return result;
}

}  // namespace

TEST_CASE("committed changes are there, and nothing else is") {
  const TemporaryDirectory home;
  std::ofstream(home.path + "/old") << "before";
  {
    Transaction transaction;
    REQUIRE(transaction.make_directory(home.path + "/a/b", {0750, {}, {}}));
    REQUIRE(transaction.stage_file(home.path + "/old", "after", {}));
    REQUIRE(transaction.stage_file(home.path + "/a/b/new", "x", {}));
    const auto staged = transaction.stage_directory(home.path + "/whole");
    REQUIRE(staged);
    REQUIRE(transaction.stage_file(*staged + "/file", "y", {0600, {}, {}}));
    CHECK(tree(home.path).at("/old") == "before");
    CHECK_FALSE(fs::exists(home.path + "/whole"));
    REQUIRE(transaction.commit());
  }
  CHECK(tree(home.path) == std::map<std::string, std::string>{{"/old", "after"},
                                                              {"/a", "(directory)"},
                                                              {"/a/b", "(directory)"},
                                                              {"/a/b/new", "x"},
                                                              {"/whole", "(directory)"},
                                                              {"/whole/file", "y"}});
}

TEST_CASE("what is not committed leaves no trace") {
  const TemporaryDirectory home;
  std::ofstream(home.path + "/old") << "before";
  const auto before = tree(home.path);
  {
    Transaction transaction;
    REQUIRE(transaction.make_directory(home.path + "/a/b", {}));
    REQUIRE(transaction.stage_file(home.path + "/old", "after", {}));
    const auto staged = transaction.stage_directory(home.path + "/whole");
    REQUIRE(staged);
    REQUIRE(transaction.stage_file(*staged + "/file", "y", {}));
  }
  CHECK(tree(home.path) == before);
}

TEST_CASE("a file is removed with the other changes, or stays with them") {
  const TemporaryDirectory home;
  std::ofstream(home.path + "/gone") << "before";
  const auto before = tree(home.path);
  const auto change = [&](Transaction& transaction, const char* other) {
    REQUIRE(transaction.stage_removal(home.path + "/gone"));
    REQUIRE(transaction.stage_file(home.path + other, "x", {}));
    return transaction.commit();
  };
  fs::create_directories(home.path + "/in-the-way/of");
  {
    Transaction transaction;
    CHECK_FALSE(change(transaction, "/in-the-way"));
  }
  fs::remove_all(home.path + "/in-the-way");
  CHECK(tree(home.path) == before);
  {
    Transaction transaction;
    CHECK(change(transaction, "/new"));
  }
  CHECK(tree(home.path) == std::map<std::string, std::string>{{"/new", "x"}});
}

TEST_CASE("a commit that fails halfway puts everything back") {
  const TemporaryDirectory home;
  std::ofstream(home.path + "/old") << "before";
  fs::create_directories(home.path + "/shared");
  fs::permissions(home.path + "/shared", fs::perms(0711));
  const auto before = tree(home.path);
  {
    Transaction transaction;
    REQUIRE(transaction.change_directory(home.path + "/shared", {0755, {}, {}}));
    REQUIRE(transaction.stage_file(home.path + "/old", "after", {}));
    REQUIRE(transaction.stage_file(home.path + "/new", "x", {}));
    REQUIRE(transaction.stage_directory(home.path + "/whole"));
    // Somebody is faster.
    fs::create_directories(home.path + "/whole/theirs");
    const auto committed = transaction.commit();
    REQUIRE_FALSE(committed);
    CHECK(committed.error().text.find(home.path + "/whole") != std::string::npos);
  }
  fs::remove_all(home.path + "/whole");
  CHECK(tree(home.path) == before);
  CHECK(fs::status(home.path + "/shared").permissions() == fs::perms(0711));
}

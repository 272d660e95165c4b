// jgreylist's tree and cqGreylist's folder: made up, and on the disk.
#include "greyd/imports/trees.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <vector>

#include "tests/temporary_directory.h"
#include "tests/unit/imports/read_items.h"

using namespace grey;
using namespace grey::imports;
using namespace grey::imports::testing;
namespace fs = std::filesystem;

namespace {

constexpr Seconds kThen = 1795680000;
constexpr Seconds kDay = 86400;

using Kind = DirectoryEntry::Kind;

// A directory that is not on the disk.
class MadeUp : public Directory {
 public:
  struct Thing {
    Kind kind = Kind::file;
    Seconds mtime = kThen, atime = kThen;
    bool empty = true;
  };
  void add(const std::string& path, const Thing& thing) {
    const std::size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    if (!above.empty() && !things_.contains(above)) add(above, {Kind::directory});
    if (things_.emplace(path, thing).second) below_[above].push_back(path);
  }

  Result<void> list(const Path& path,
                    const std::function<bool(const DirectoryEntry&)>& visit) override {
    const std::string name = imports::to_string(path);
    if (name == forbidden) return failure("cannot read " + name + ": Permission denied");
    for (const std::string& below : below_[name]) {
      const Thing& thing = things_[below];
      const std::string last = below.substr(name.empty() ? 0 : name.size() + 1);
      ++seen;
      if (!visit({last, thing.kind, thing.empty, thing.mtime, thing.atime})) break;
    }
    return {};
  }

  std::string forbidden = "-";
  std::size_t seen = 0;

 private:
  std::map<std::string, Thing> things_;
  std::map<std::string, std::vector<std::string>> below_;
};

struct Tree {
  std::string lines, error;
};
Tree read_all(Form form, Directory& directory) {
  Tree tree;
  const auto outcome = read_tree(form, directory, Settings{}, [&](const Item& item) {
    tree.lines += std::string(item.place.file) + ": " + line_of(item);
  });
  if (!outcome) tree.error = outcome.error().text;
  return tree;
}

}  // namespace

TEST_CASE("jgreylist's tree by networks: who came back late enough is known, others wait") {
  MadeUp tree;
  tree.add("192/000/002", {Kind::file, kThen, kThen + 120});
  tree.add("192/000/003", {Kind::file, kThen, kThen + 119});
  tree.add("192/000/004", {Kind::file, kThen, kThen});
  tree.add("198/051/100", {Kind::file, kThen - 90 * kDay, kThen});
  CHECK(*form_of(tree) == Form::jgreylist);
  const Tree result = read_all(Form::jgreylist, tree);
  CHECK(result.error == "");
  const auto ends = [](Seconds time) { return " ends=" + std::to_string(time) + "\n"; };
  CHECK(result.lines ==
        "192/000/002: known 192.0.2.0/24 * seen=1795680120" + ends(kThen + 120 + 30 * kDay) +
            "192/000/003: waiting 192.0.3.0/24 * seen=1795680000" + ends(kThen + 119 + 30 * kDay) +
            "192/000/004: waiting 192.0.4.0/24 * seen=1795680000" + ends(kThen + kDay) +
            "198/051/100: known 198.51.100.0/24 * seen=1795680000" + ends(kThen + 30 * kDay));
}

TEST_CASE("jgreylist's tree by addresses, with strangers in every place") {
  MadeUp tree;
  tree.add("010/000/000/001", {Kind::file, kThen, kThen + 200});
  tree.add("010/000/000/002", {Kind::directory});                  // deeper than it is
  tree.add("010/000/000/003", {Kind::file, kThen, kThen, false});  // with something in it
  tree.add("010/000/000/004", {Kind::other});                      // a link, say
  tree.add("010/000/000/256", {});
  tree.add("010/000/000/4", {});
  tree.add("010/000/000/0x4", {});
  tree.add("010/000/1/1", {});  // not gone into
  tree.add("010/001", {Kind::file});
  tree.add("10/000/000", {});
  tree.add("README", {Kind::file, kThen, kThen, false});
  CHECK(read_all(Form::jgreylist, tree).lines ==
        "010/000/000/001: known 10.0.0.1 * seen=1795680200 ends=1798272200\n"
        "010/000/000/002: skipped: it is no part of such a tree\n"
        "010/000/000/003: skipped: it is no part of such a tree\n"
        "010/000/000/004: skipped: it is no part of such a tree\n"
        "010/000/000/256: skipped: it is no part of such a tree\n"
        "010/000/000/4: skipped: it is no part of such a tree\n"
        "010/000/000/0x4: skipped: it is no part of such a tree\n"
        "010/000/1: skipped: it is no part of such a tree\n"
        "010/001: skipped: it is no part of such a tree\n"
        "10: skipped: it is no part of such a tree\n"
        "README: skipped: it is no part of such a tree\n");
}

TEST_CASE("cqGreylist's folder: all are known once they are old enough") {
  MadeUp tree;
  tree.add("192/192.0.2.1", {});
  tree.add("0/2001:db8::1", {});
  tree.add("192/193.0.2.1", {});  // in another's folder
  tree.add("192/192.0.2.01", {});
  tree.add("192/192.0.2.1.new", {});
  tree.add("007/7.0.2.1", {});
  tree.add("256/x", {});
  tree.add("192.0.2.9", {});
  CHECK(*form_of(tree) == Form::cqgreylist);
  CHECK(read_all(Form::cqgreylist, tree).lines ==
        "192/192.0.2.1: waiting 192.0.2.1 * seen=1795680000 known_from=1795680061\n"
        "192/193.0.2.1: skipped: it is no part of such a tree\n"
        "192/192.0.2.01: skipped: it is no part of such a tree\n"
        "192/192.0.2.1.new: skipped: it is no part of such a tree\n"
        "0/2001:db8::1: waiting 2001:db8::1 * seen=1795680000 known_from=1795680061\n"
        "007: skipped: it is no part of such a tree\n"
        "256: skipped: it is no part of such a tree\n"
        "192.0.2.9: skipped: it is no part of such a tree\n");
}

TEST_CASE("a directory that cannot be read is an error, since what is in it would be lost") {
  MadeUp tree;
  tree.add("192/000/002", {});
  tree.add("198/051/100", {});
  tree.forbidden = "192/000";
  CHECK(read_all(Form::jgreylist, tree).error == "cannot read 192/000: Permission denied");
  tree.forbidden = "192";
  CHECK(form_of(tree).error().text == "cannot read 192: Permission denied");
}

TEST_CASE("a directory is told by little of it") {
  MadeUp empty, strangers, tree;
  CHECK(*form_of(empty) == std::nullopt);
  for (int i = 0; i < 100000; ++i) strangers.add("192/" + std::to_string(i) + ".msg", {});
  CHECK(*form_of(strangers) == std::nullopt);
  CHECK(strangers.seen < 2000);
  for (int i = 0; i < 256; ++i) {
    const std::string part = std::to_string(1000 + i).substr(1);
    for (int j = 0; j < 10; ++j) tree.add(part + "/000/00" + std::to_string(j), {});
  }
  CHECK(*form_of(tree) == Form::jgreylist);
  CHECK(tree.seen < 5);
}

TEST_CASE("on the disk no link is followed, and nothing else is waited for") {
  grey::testing::TemporaryDirectory place;
  const std::string top = place / "jgreylist";
  fs::create_directories(top + "/192/000");
  const auto touch = [&](const std::string& path, Seconds mtime, Seconds atime, mode_t mode) {
    const Fd fd(::open((top + "/" + path).c_str(), O_WRONLY | O_CREAT, mode));
    const timespec times[2] = {{atime, 0}, {mtime, 0}};
    REQUIRE(::futimens(fd.get(), times) == 0);
  };
  touch("192/000/002", kThen, kThen + 500, 0600);
  touch("192/000/003", kThen, kThen, 0);
  fs::create_symlink(top, top + "/192/000/004");
  fs::create_symlink("loop", top + "/loop");
  fs::create_symlink("../..", top + "/192/001");
  fs::create_symlink("gone", top + "/193");
  REQUIRE(::mkfifo((top + "/194").c_str(), 0600) == 0);
  auto directory = DiskDirectory::open(top);
  REQUIRE(directory.has_value());
  CHECK(*form_of(*directory) == Form::jgreylist);
  const Tree result = read_all(Form::jgreylist, *directory);
  CHECK(result.error == "");
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < result.lines.size();) {
    const std::size_t end = result.lines.find('\n', at);
    lines.push_back(result.lines.substr(at, end - at));
    at = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  const std::string stray = ": skipped: it is no part of such a tree";
  const std::vector<std::string> expected = {
      "192/000/002: known 192.0.2.0/24 * seen=1795680500 ends=1798272500",
      "192/000/003: waiting 192.0.3.0/24 * seen=1795680000 ends=1795766400",
      "192/000/004" + stray,
      "192/001" + stray,
      "193" + stray,
      "194" + stray,
      "loop" + stray,
  };
  CHECK(lines == expected);

  CHECK(DiskDirectory::open(top + "/loop").error().text ==
        "cannot read " + top + "/loop: Too many levels of symbolic links");
  CHECK(DiskDirectory::open(top + "/192/000/002").error().text ==
        "cannot read " + top + "/192/000/002: Not a directory");
  // What goes away meanwhile, as an old client does.
  CHECK(directory->list({"199", "000"}, [](const DirectoryEntry&) { return true; }).has_value());
}

TEST_CASE("a walk keeps no descriptor, and goes on in a directory within another") {
  grey::testing::TemporaryDirectory place;
  for (int i = 0; i < 40; ++i) {
    const std::string path = place / (std::to_string(i) + "/" + std::to_string(i) + ".0.0.1");
    fs::create_directories(fs::path(path).parent_path());
    const Fd made(::open(path.c_str(), O_WRONLY | O_CREAT, 0600));
  }
  const auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = open_files();
  std::size_t found = 0;
  {
    auto directory = DiskDirectory::open(place.path());
    for (int twice = 0; twice < 2; ++twice) {
      REQUIRE(read_tree(Form::cqgreylist, *directory, Settings{}, [&](const Item& item) {
        found += std::holds_alternative<Record>(item.what);
      }));
    }
  }
  CHECK(found == 80);
  CHECK(open_files() == before);
}

#include "greyd/lists/list_cdb.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "greyd/lists/lists.h"
#include "tests/temporary_directory.h"
#include "tests/unit/lists/entry_query.h"

using namespace grey;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  testing::TemporaryDirectory directory;
  std::string path = directory / "list";

  void write(const std::string& text) { std::ofstream(path) << text; }
  AddressList load() {
    auto lists = load_lists({path, ""});
    REQUIRE_MESSAGE(lists, (lists ? "" : lists.error().text));
    return std::move(lists->whitelist);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a list in a cdb names the same as its text") {
  write(
      "192.0.2.1\n10.0.0.0/8\n192.168.[3-4].45\n192.86.2?.12?\n198.51.100.10-20\n2001:db8::/"
      "33\n2001:db9::1\n"
      "mx.example.com\n.Example.net\nUser@Example.org\n@b.example\nto:post@c.example\nto:@d."
      "example\n");
  const AddressList text = load();
  REQUIRE(build_list_cdb(path));
  fs::remove(path);
  const AddressList cdb = load();
  CHECK(cdb.entries() == 0);
  for (const char* ip : {"192.0.2.1",     "192.0.2.2",        "10.255.0.1",
                         "11.0.0.0",      "192.168.3.45",     "192.168.5.45",
                         "192.86.20.120", "192.86.29.129",    "192.86.2.12",
                         "192.86.30.120", "192.86.20.119",    "198.51.100.9",
                         "198.51.100.10", "198.51.100.15",    "198.51.100.20",
                         "198.51.100.21", "2001:db8:7fff::1", "2001:db8:8000::",
                         "2001:db9::1",   "2001:db9::2",      "::1"}) {
    CAPTURE(ip);
    CHECK(cdb.has_client(*Ip::parse(ip)) == text.has_client(*Ip::parse(ip)));
  }
  for (const char* name : {"MX.example.com", "a.mx.example.com", "a.b.example.net", "example.net",
                           "user@example.org", ""}) {
    CAPTURE(name);
    CHECK(cdb.has_client_name(name) == text.has_client_name(name));
  }
  for (const char* address :
       {"USER@example.org", "other@example.org", "x@b.example", "post@c.example", "x@c.example",
        "x@d.example", "", "to:post@c.example", "from:user@example.org", "prefixes"}) {
    CAPTURE(address);
    CHECK(cdb.has_sender(address) == text.has_sender(address));
    CHECK(cdb.has_recipient(address) == text.has_recipient(address));
  }
}

TEST_CASE_FIXTURE(Fixture, "each entry of a text is found in the cdb made of it") {
  const std::vector<std::string> entries = {"192.0.2.1",
                                            "10.*.3-4.7",
                                            "192.86.2?.12?",
                                            "192.16?",
                                            "64:ff9b::192.0.2.9",
                                            "mx.example.com",
                                            "*.example.net",
                                            ".b\xC3\xBC"
                                            "cher.example",
                                            "user@a.example",
                                            "@b.example",
                                            "@.c.example",
                                            "user@*.d.example",
                                            "\"john doe\"@e.example",
                                            "abuse@",
                                            "@xn--bcher-kva.example",
                                            "user@[IPv6:2001:db8::1]",
                                            "to:user@a.example",
                                            "to:*@b.example",
                                            "to:*@.c.example",
                                            "TO:Postmaster@",
                                            "to:@.a.b.c.d.b\xC3\xBC"
                                            "cher.example"};
  std::string text;
  for (const std::string& entry : entries) text += entry + "\n";
  write(text);
  REQUIRE(build_list_cdb(path));
  fs::remove(path);
  const AddressList cdb = load();
  for (const std::string& entry : entries) {
    CAPTURE(entry);
    CHECK(testing::has_what_is_meant(cdb, entry));
  }
  CHECK(cdb.has_client(*Ip::parse("64:ff9b::192.0.2.1")));
  CHECK(cdb.has_recipient("any@x.a.b.c.d.xn--bcher-kva.example"));
  CHECK_FALSE(cdb.has_recipient("any@a.b.c.d.xn--bcher-kva.example"));
  CHECK_FALSE(cdb.has_sender("any@c.example"));
}

// Written by cdb -c of tinycdb's, as svctool did before.
TEST_CASE_FIXTURE(Fixture, "a cdb that was made before entries for sub-domains is read on") {
  std::ofstream(directory / "records") << "+9,3:/prefixes->128\n"
                                          "+12,0:192.0.2.1/32->\n"
                                          "+15,0:from:@b.example->\n"
                                          "+16,0:from:@.b.example->\n\n";
  REQUIRE(std::system(("cdb -c " + path + ".cdb " + (directory / "records")).c_str()) == 0);
  const AddressList cdb = load();
  CHECK(cdb.has_client(*Ip::parse("192.0.2.1")));
  CHECK(cdb.has_sender("any@b.example"));
  CHECK(cdb.has_sender("any@a.b.example"));
}

TEST_CASE_FIXTURE(Fixture, "text and cdb are looked up together") {
  write("192.0.2.1\n");
  REQUIRE(build_list_cdb(path));
  write("192.0.2.2\n");
  const AddressList both = load();
  CHECK(both.has_client(*Ip::parse("192.0.2.1")));
  CHECK(both.has_client(*Ip::parse("192.0.2.2")));
  CHECK_FALSE(both.has_client(*Ip::parse("192.0.2.3")));
}

TEST_CASE_FIXTURE(Fixture, "an entry of a cdb is named by the cdb's file and its key") {
  write("10.0.0.0/8\n.example.net\nuser@a.example\nto:@b.example\n");
  REQUIRE(build_list_cdb(path));
  write("198.51.100.1\n10.1.0.0/16\n");
  const AddressList both = load();
  const auto key = [&](const Matched& entry) {
    REQUIRE(entry);
    CHECK(entry.file() == path + ".cdb");
    CHECK(entry.line == 0);
    return entry.key();
  };
  CHECK(key(both.find_client(*Ip::parse("10.2.3.4"))) == "10.0.0.0/8");
  CHECK(key(both.find_client_name("mx.example.net")) == ".example.net");
  CHECK(key(both.find_sender("User@a.example")) == "from:user@a.example");
  CHECK(key(both.find_recipient("x@b.example")) == "to:@b.example");
  const Matched text = both.find_client(*Ip::parse("10.1.3.4"));  // the text goes first
  CHECK(text.file() == path);
  CHECK(text.line == 2);
}

TEST_CASE_FIXTURE(Fixture, "beside a list FILE.local is read, too, and its own cdb") {
  const std::string local = path + ".local";
  write("192.0.2.1\n");
  CHECK(load().files() == std::vector<std::string>{path});
  std::ofstream(local) << "# mine\n192.0.2.2\n";
  AddressList list = load();
  CHECK(list.has_client(*Ip::parse("192.0.2.1")));
  CHECK(list.find_client(*Ip::parse("192.0.2.2")).file() == local);
  CHECK(list.find_client(*Ip::parse("192.0.2.2")).line == 2);

  REQUIRE(build_list_cdb(local));
  fs::remove(local);
  list = load();
  CHECK(list.find_client(*Ip::parse("192.0.2.2")).file() == local + ".cdb");
  CHECK(list.files() == std::vector<std::string>{path, local, local + ".cdb"});
  fs::remove(local + ".cdb");
  CHECK_FALSE(load().has_client(*Ip::parse("192.0.2.2")));
}

TEST_CASE_FIXTURE(Fixture, "a bad FILE.local is an error, and no substitute for FILE") {
  const std::string local = path + ".local";
  const auto error = [&] {
    const auto lists = load_lists({path, ""});
    return lists ? "" : lists.error().text;
  };
  write("192.0.2.1\n");
  std::ofstream(local) << "192.0.2.2\nnonsense\n";
  CHECK(error().starts_with(local + ":2: "));
  fs::remove(local);
  fs::create_symlink(directory / "nowhere", local);
  CHECK(error().find(local) != std::string::npos);
  fs::remove(local);
  fs::create_directory(local);
  CHECK(error().find(local) != std::string::npos);
  fs::remove(local);
  std::ofstream(local) << "192.0.2.2\n";
  fs::remove(path);
  CHECK(error().find(path + ":") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "FILE.local that is a link to /dev/null is an empty one") {
  write("192.0.2.1\n");
  fs::create_symlink("/dev/null", path + ".local");
  CHECK(load().entries() == 1);
}

TEST_CASE_FIXTURE(Fixture, "ranges of any kind are cut into networks that are just them") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const unsigned low = unsigned(random() % 256), high = low + unsigned(random() % (256 - low));
    NetworkSet set;
    REQUIRE(set.add("192.0.2." + std::to_string(low) + "-" + std::to_string(high)));
    set.build();
    std::size_t addresses = 0;
    unsigned next = low;
    set.for_each_network([&](const Network& network) {
      CHECK(network.address.bytes()[15] == next);  // in order, without gaps
      const unsigned size = 1u << (128 - network.prefix);
      addresses += size;
      next += size;
    });
    CHECK(addresses == high - low + 1);
  }
  NetworkSet all;
  REQUIRE(all.add("0.0.0.0/0"));
  REQUIRE(all.add("::/0"));
  all.build();
  std::string networks;
  all.for_each_network([&](const Network& network) { networks += to_string(network) + " "; });
  CHECK(networks == "0.0.0.0/0 ::/0 ");
}

TEST_CASE_FIXTURE(Fixture, "a bad text builds nothing, and the cdb that is there stays") {
  write("192.0.2.1\n");
  REQUIRE(build_list_cdb(path));
  write("192.0.2.1\n192.0.2.\n1.2.3.4.5\n");
  const auto built = build_list_cdb(path);
  REQUIRE_FALSE(built);
  CHECK(built.error().text.starts_with(path + ":3: "));
  CHECK(open_list_cdb(path + ".cdb"));
  CHECK_FALSE(fs::exists(path + ".cdb.tmp"));
  CHECK_FALSE(build_list_cdb(directory / "none"));
}

TEST_CASE_FIXTURE(Fixture, "what is no cdb of ours is an error that names it") {
  write("192.0.2.1\n");
  for (const std::string& content : {std::string(), std::string("192.0.2.1\n"),
                                     std::string(2048, '\0'), std::string(4096, '\xff')}) {
    std::ofstream(path + ".cdb") << content;
    const auto lists = load_lists({path, ""});
    REQUIRE_FALSE(lists);
    CHECK(lists.error().text.starts_with(path + ".cdb: "));
  }
}

TEST_CASE_FIXTURE(Fixture, "a list that cannot be read to its end is an error, not a wait") {
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  for (const std::string& odd : {path, std::string("/dev/zero"), directory.path()}) {
    CAPTURE(odd);
    const auto lists = load_lists({"", odd});
    REQUIRE_FALSE(lists);
    CHECK(lists.error().text.find(odd) != std::string::npos);
    CHECK_FALSE(build_list_cdb(odd));
  }
  CHECK(load_lists({"/dev/null", ""}));
  fs::rename(path, path + ".cdb");
  write("192.0.2.1\n");
  CHECK_FALSE(load_lists({path, ""}));
}

TEST_CASE("the shipped whitelist is a good list") {
  const auto lists = load_lists({TEST_DATA "/../etc/greylist.whitelist", ""});
  REQUIRE_MESSAGE(lists, (lists ? "" : lists.error().text));
  CHECK(lists->whitelist.entries() >= 9);
  CHECK(lists->whitelist.warnings().empty());
  CHECK(lists->whitelist.domains() >= 2);
  CHECK(lists->whitelist.has_client_name("mail-lj1-x133.google.com"));
  CHECK_FALSE(lists->whitelist.has_client_name("google.com.example.org"));
  CHECK_FALSE(lists->whitelist.has_client(*Ip::parse("192.0.2.1")));
}

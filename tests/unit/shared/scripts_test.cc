// What the scripts make of values that others have put into the store.
#include "greyd/shared/scripts.h"

#include <doctest/doctest.h>

#include "greyd/core/knowledge.h"
#include "greyd/shared/script_store.h"
#include "tests/unit/shared/plain_store.h"

using namespace grey;
using namespace grey::testing;
using Texts = std::vector<std::string>;

namespace {

const std::string kNow = "1764172800";
const std::string kClientKey = "c:{192.0.2.1}", kTripletKey = "g:{192.0.2.1}:x";

struct Rig {
  RedisServer server;
  PlainStore store{server};

  Texts run(std::string_view script, const Texts& keys, const Texts& arguments) {
    Texts words = {"EVAL", std::string(script), std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    return store.say(words);
  }
  Texts ask() {
    return run(shared::kAsk, {kClientKey, kTripletKey}, {kNow, "7200", "86400", "3", "0", "0"});
  }
  Texts tell(const std::string& client, const std::string& triplet) {
    return run(shared::kTell, {kClientKey, kTripletKey},
               {"c", client, "3600", "t", triplet, "3600"});
  }
  Texts pass() {
    return run(shared::kPass, {kClientKey, kTripletKey}, {kNow, "86400", "1", "0", "0"});
  }
  std::string get(const std::string& key) { return store.say({"GET", key}).front(); }
};

// What no daemon writes.
const Texts kNonsense = {
    "nan", "inf",     "-inf",    "1e300",   "0x7", "-5",  " 7",       "99999999999999999999",
    "",    ":::::::", "nan:nan", "1e300:3", "x",   "1.5", "inf::inf", std::string(400, '9'),
    ":3",  "007"};

}  // namespace

TEST_CASE("a number is what has digits alone: all else in the store is nothing") {
  if (!has_redis()) return;
  Rig rig;
  for (const std::string& nonsense : kNonsense) {
    CAPTURE(nonsense);
    const auto put = [&] {
      for (const std::string& key : {kClientKey, kTripletKey}) {
        rig.store.say({"SET", key, nonsense});
      }
    };
    put();
    CHECK(rig.tell(kNow + ":1", kNow) == Texts{"2"});
    CHECK(rig.get(kTripletKey) == kNow);
    const auto client = read_client_knowledge(rig.get(kClientKey));
    REQUIRE(client);
    CHECK(client->seen == 1764172800);
    CHECK(client->passes <= 3);

    put();
    CHECK(rig.ask() == Texts{nonsense, ""});
    CHECK(rig.get(kTripletKey) == kNow);

    put();
    CHECK(rig.pass() == Texts{kNow + ":1"});
    CHECK(rig.get(kTripletKey) == "::" + kNow);
  }
}

TEST_CASE("a value of another kind is nothing, and what is known takes its place") {
  if (!has_redis()) return;
  Rig rig;
  const auto put = [&] {
    for (const std::string& key : {kClientKey, kTripletKey}) {
      rig.store.say({"DEL", key});
      rig.store.say({"LPUSH", key, "x"});
    }
  };
  put();
  CHECK(rig.ask() == Texts{"", ""});
  CHECK(rig.get(kTripletKey) == kNow);
  put();
  CHECK(rig.pass() == Texts{kNow + ":1"});
  CHECK(rig.get(kTripletKey) == "::" + kNow);
  CHECK(rig.get(kClientKey) == kNow + ":1");
  put();
  CHECK(rig.tell(kNow + ":2", kNow) == Texts{"2"});
  CHECK(rig.get(kTripletKey) == kNow);
  CHECK(rig.get(kClientKey) == kNow + ":2");
}

TEST_CASE("who may not read what is known overwrites nothing of it") {
  if (!has_redis()) return;
  Rig rig;
  rig.store.say({"SET", kTripletKey, kNow});
  rig.store.say({"ACL", "SETUSER", "default", "-get"});
  for (const Texts& answer : {rig.ask(), rig.tell(kNow + ":1", kNow), rig.pass()}) {
    CHECK(answer.front() == "error");
    CHECK(rig.store.fault().find("run this command") != std::string::npos);
  }
  rig.store.say({"ACL", "SETUSER", "default", "+get"});
  CHECK(rig.get(kTripletKey) == kNow);
  CHECK(rig.get(kClientKey).empty());
}

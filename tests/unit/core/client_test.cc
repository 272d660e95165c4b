// Clients that are no address, as far as records and keys go.
#include "greyd/wire/client.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/core/key.h"
#include "greyd/core/table.h"
#include "greyd/state/record_text.h"

using namespace grey;
using namespace std::string_literals;

namespace {

// What becomes of a client in a key.
std::string client_in(std::string_view key) {
  const auto parts = split_key(key);
  if (!parts) return "nothing";
  return (parts->client.has_address() ? "address " : "name ") + to_string(parts->client);
}

}  // namespace

TEST_CASE("a text is an address where it can be one, and else a name") {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "fe80::1%eth0"}) {
    CHECK(Client::parse(text).has_address());
  }
  for (const char* text : {"", "unknown", "192.0.2.01", "192.0.2", "2001:db8::g", " 192.0.2.1"}) {
    CHECK(Client::parse(text) == Client::named(text));
    CHECK(to_string(Client::parse(text)) == text);
  }
  CHECK(Client::named("") != Client());
}

TEST_CASE("a key has its client's name: as it is alone, without case in a triplet") {
  const std::string digits(300, '7'), longer(1000, 'N');
  for (const std::string& name : {"unknown"s, ""s, "A b\tC"s, digits}) {
    CAPTURE(name);
    KeyBuilder keys({});
    keys.envelope(Client::named(name), "s@x");
    CHECK(client_in(keys.client()) == "name " + name);
    const auto parts = split_key(keys.triplet("r@y"));
    REQUIRE(parts);
    CHECK(to_string(parts->client) == to_lower(name));
    CHECK(parts->sender == "s@x");
    CHECK(parts->recipient == "r@y");
  }
  KeyBuilder one({}), other({});
  one.envelope(Client::named(longer + "1"), longer);
  other.envelope(Client::named(longer + "2"), longer);
  CHECK(one.client() != other.client());
  CHECK(one.triplet(longer) != other.triplet(longer));
  CHECK(one.triplet(longer).size() <= Table::kMaxKey);
  one.envelope(Client::named("192.0.2.1"), "");
  other.envelope(*Ip::parse("192.0.2.1"), "");
  CHECK(one.client() != other.client());
}

TEST_CASE("what no key is, is none") {
  for (const std::string& key :
       {""s, "\6name"s, "\5name"s, "\7a\0b\0c"s, "\20abcd"s, "\2abcd"s, "\12spf"s}) {
    CHECK_FALSE(split_key(key));
  }
}

TEST_CASE("a pool is no client of its name, nor one of another kind") {
  KeyBuilder keys{Policy()};
  std::vector<std::string> clients, triplets;
  for (const Client& client :
       {Client::named("example.com"), Client::of_pool(PoolKind::spf, "example.com"),
        Client::of_pool(PoolKind::name, "example.com")}) {
    keys.envelope(client, "a@x");
    clients.emplace_back(keys.client());
    triplets.emplace_back(keys.triplet("b@y"));
    CHECK(client_of_key(clients.back()) == client);
    REQUIRE(split_key(triplets.back()));
    CHECK(split_key(triplets.back())->client == client);
    CHECK(split_key(triplets.back())->sender == "a@x");
    CHECK(is_pool_key(clients.back()) == client.is_pool());
    CHECK(is_pool_key(triplets.back()) == client.is_pool());
  }
  CHECK(std::set<std::string>(clients.begin(), clients.end()).size() == 3);
  CHECK(std::set<std::string>(triplets.begin(), triplets.end()).size() == 3);
}

TEST_CASE("a record's client that is a pool is its kind and domain, and comes back") {
  RecordReader reader;
  for (const std::string line : {"C 5 1 spf:example.com\n", "W 5 name:example.com a@x b@y\n",
                                 "F 5 spf:example.com\n", "F 5 name:example.com a@x <>\n"}) {
    const SavedRecord* const record =
        reader.read(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(record != nullptr);
    CHECK(record->client.is_pool());
    std::string again;
    append_record(again, *record);
    CHECK(again == line);
  }
  for (const char* bad : {"C 5 1 spf:", "C 5 1 spf", "C 5 1 name:", "C 5 1 nam:x", "C 5 1 s",
                          "C 5 1 spf:%", "C 5 1 spf:<>", "C 5 1 spf:Ex", "C 5 1 spf:a%41"}) {
    CHECK(reader.read(bad) == nullptr);
  }
}

TEST_CASE("a record's client that is no address is a word behind =, and comes back") {
  const struct {
    std::string name;
    const char* line;
  } rows[] = {{"unknown", "C 5 1 =unknown\n"},
              {"", "C 5 1 =\n"},
              {"=", "C 5 1 ==\n"},
              {"192.0.2.1", "C 5 1 =192.0.2.1\n"},
              {"a b%\n", "C 5 1 =a%20b%25%0A\n"},
              {"<>", "C 5 1 =%3C>\n"}};
  RecordReader reader;
  for (const auto& row : rows) {
    std::string line;
    append_record(line, {RecordClass::client, 5, 1, Client::named(row.name), {}, {}});
    CHECK(line == row.line);
    line.pop_back();
    const SavedRecord* record = reader.read(line);
    REQUIRE(record != nullptr);
    CHECK(record->client == Client::named(row.name));

    line.clear();
    append_record(line, {RecordClass::waiting, 5, 0, Client::named(row.name), "", "r"});
    line.pop_back();
    record = reader.read(line);
    REQUIRE(record != nullptr);
    CHECK(record->client == Client::named(row.name));
    CHECK(record->recipient == "r");
  }
  for (const char* line :
       {"C 5 1 =a%2", "C 5 1 =a b", "W 5 =%ZZ <> r", "W 5 = r", "C 5 1 unknown"}) {
    CAPTURE(line);
    CHECK(reader.read(line) == nullptr);
  }
}

// States to write and to read back, which mean the same when their lines are the same.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/imports/judge.h"
#include "greyd/imports/reader.h"
#include "greyd/state/record_text.h"

namespace grey::imports::testing {

constexpr Seconds kNow = 1'700'000'000;

inline std::string lines_of(const Greylist& greylist) {
  std::vector<std::string> lines;
  greylist.for_each([&](const SavedRecord& record) {
    std::string line;
    append_record(line, record);
    lines.push_back(line);
  });
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

inline void fill(Greylist& greylist, unsigned seed) {
  static const std::string kAddresses[] = {"",
                                           "a@x.org",
                                           "A b,c%<>@x.org",
                                           "\"q\\uote\"@x.org",
                                           "\xc3\xbc\xff@x.org",
                                           "=name",
                                           "{\"json\":1}",
                                           std::string(400, 'l') + "@x.org"};
  std::mt19937 random(seed);
  for (int i = 0; i < 300; ++i) {
    SavedRecord record;
    record.record_class = RecordClass(random() % 5);
    record.seen = kNow - Seconds(random() % 20000);
    if (random() % 2 == 0) {
      record.client = Ip::from_v4(0xc0000200 + std::uint32_t(random() % 1000));
    } else {
      record.client = *Ip::parse("2001:db8::" + std::to_string(random() % 10) + ":0:0:0:1");
    }
    if (random() % 20 == 0) record.client = *Ip::parse("fe80::1");
    if (is_of_client(record.record_class)) {
      record.passes = 1 + unsigned(random() % 255);
    } else {
      record.sender = kAddresses[random() % std::size(kAddresses)];
      record.recipient = kAddresses[random() % std::size(kAddresses)];
    }
    greylist.restore(record, kNow);
  }
}

inline std::string taken_from(Form form, const std::string& text, const Policy& policy,
                              const Settings& settings = {}) {
  Greylist greylist(policy, 1000, HashKey{});
  const auto reader = reader_of(form, "FILE", settings, [&](const Item& item) {
    const Judged judged = judge(item, policy, kNow);
    REQUIRE(std::holds_alternative<SavedRecord>(judged));
    greylist.import(std::get<SavedRecord>(judged), kNow);
  });
  REQUIRE(reader->read_whole(text).has_value());
  return lines_of(greylist);
}

}  // namespace grey::imports::testing

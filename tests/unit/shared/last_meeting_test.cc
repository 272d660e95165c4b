#include "greyd/shared/last_meeting.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/shared/meeting_keeper.h"
#include "tests/temporary_directory.h"

using namespace grey;
using shared::LastMeeting;

namespace {

constexpr Seconds kNow = 1'764'172'800;
const LastMeeting kMeeting{"mx1.1999.7.1:0:", kNow - 2, kNow - 1};

struct Fixture {
  testing::TemporaryDirectory directory;
  std::string path = shared::meeting_path(directory / "context");
  InlineBackground background;
  std::string said;
  shared::MeetingKeeper keeper{path, background,
                               [this](const std::string& text) { said += text + "\n"; }};
  std::string content() { return read_file(path)->value_or(""); }
  void write(const std::string& text) { REQUIRE(replace_file(path, text, {0600, {}, {}})); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the last meeting is a line that people can read") {
  REQUIRE(shared::save_meeting(path, kMeeting));
  CHECK(content() ==
        "qmail-greyd store 1\n"
        "{\"run\":\"mx1.1999.7.1:0:\",\"beat\":1764172798,\"good\":1764172799}\n"
        "end 1\n");
  std::string note;
  CHECK(*shared::load_meeting(path, kNow, note) == kMeeting);
  CHECK(note.empty());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(Fixture, "of no file there was no meeting") {
  CHECK(keeper.load(kNow) == LastMeeting());
  CHECK(said.empty());
}

TEST_CASE_FIXTURE(Fixture, "one that is damaged is set aside, and all is told again") {
  const std::vector<std::string> damaged = {
      "x",
      "qmail-greyd store 1\n",
      "qmail-greyd store 2\n{\"run\":\"a\",\"beat\":1,\"good\":1}\nend 1\n",
      "qmail-greyd store 1\n{\"run\":\"a\",\"beat\":1,\"good\":1}\n",
      "qmail-greyd store 1\n{\"run\":\"a\",\"beat\":1,\"good\":-1}\nend 1\n",
      "qmail-greyd store 1\n{\"run\":\"a\",\"beat\":1,\"good\":99999999999999999999}\nend 1\n",
      "qmail-greyd store 1\n{\"run\":7,\"beat\":1,\"good\":1}\nend 1\n",
      "qmail-greyd store 1\n[]\nend 1\n",
      "qmail-greyd store 1\n{\"run\":\"a\",\"beat\":1,\"good\":1}\n"
      "{\"run\":\"a\",\"beat\":1,\"good\":1}\nend 1\n",
  };
  for (const std::string& text : damaged) {
    CAPTURE(text);
    ::unlink((path + ".damaged." + std::to_string(kNow)).c_str());
    write(text);
    said.clear();
    CHECK(keeper.load(kNow) == LastMeeting());
    CHECK(said.find("; kept as " + path + ".damaged." + std::to_string(kNow)) != std::string::npos);
    CHECK(*read_file(path + ".damaged." + std::to_string(kNow)) == text);
    keeper.save(kMeeting);
    CHECK(content().ends_with("end 1\n"));
    keeper.load(kNow);
  }
}

TEST_CASE_FIXTURE(Fixture, "what cannot be read is not written over") {
  write(std::string(5000, 'x'));
  CHECK(keeper.load(kNow) == LastMeeting());
  CHECK(said.find("is larger than it can be") != std::string::npos);
  keeper.keep(kMeeting, kNow + 100);
  keeper.save(kMeeting);
  CHECK(content() == std::string(5000, 'x'));
}

TEST_CASE_FIXTURE(Fixture, "it is written each minute, at once for another store, and at the end") {
  keeper.load(kNow);
  keeper.keep(kMeeting, kNow);
  CHECK(content().find("\"good\":1764172799") != std::string::npos);
  LastMeeting later = kMeeting;
  later.good = kNow + 59;
  keeper.keep(later, kNow + 59);
  CHECK(content().find("\"good\":1764172799") != std::string::npos);
  later.good = kNow + 60;
  keeper.keep(later, kNow + 60);
  CHECK(content().find("\"good\":1764172860") != std::string::npos);
  later.good = kNow + 61;
  keeper.save(later);
  CHECK(content().find("\"good\":1764172861") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a disk that takes nothing is told of once, until it does") {
  keeper.load(kNow);
  LastMeeting meeting = kMeeting;
  shared::MeetingKeeper other(directory / "none/context.store", background,
                              [this](const std::string& text) { said += text + "\n"; });
  for (Seconds t = kNow; t < kNow + 300; t += 60) {
    meeting.good = t;
    other.keep(meeting, t);
  }
  CHECK(said.find("none/context.store") != std::string::npos);
  CHECK(said.find('\n') == said.size() - 1);
}

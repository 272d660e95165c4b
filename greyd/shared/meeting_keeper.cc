#include "greyd/shared/meeting_keeper.h"

#include <utility>

namespace grey::shared {

MeetingKeeper::MeetingKeeper(std::string path, Background& background, Report report)
    : path_(std::move(path)), background_(background), report_(std::move(report)) {}

MeetingKeeper::~MeetingKeeper() {
  *self_ = nullptr;
}

LastMeeting MeetingKeeper::load(Seconds now) {
  std::string note;
  const auto loaded = load_meeting(path_, now, note);
  writes_ = loaded.has_value();
  if (!loaded) {
    note = loaded.error().text + "; the store is told all that is known here at each start";
  }
  if (!note.empty()) report_("store: " + note);
  kept_ = loaded.value_or(LastMeeting());
  kept_at_ = now;
  return kept_;
}

void MeetingKeeper::keep(const LastMeeting& meeting, Seconds now) {
  // Another store is worth a word at once.
  const bool is_time = now >= kept_at_ + kInterval || now < kept_at_ || meeting.run != kept_.run;
  if (!writes_ || writing_ || !is_time || meeting == kept_) return;
  kept_at_ = now;
  kept_ = meeting;
  writing_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  background_.run(
      [outcome, path = path_, meeting] {
        *outcome = save_meeting(path, meeting);
        return 0;
      },
      [outcome, self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) *outcome = failure("there is no memory to write what the store was told");
        (*self)->saved(*outcome);
      });
}

void MeetingKeeper::saved(const Result<void>& outcome) {
  writing_ = false;
  const bool failed = !outcome;
  if (failed && !failing_) report_("store: " + outcome.error().text);
  failing_ = failed;
}

void MeetingKeeper::save(const LastMeeting& meeting) {
  background_.drain();
  if (!writes_ || meeting == kept_) return;
  kept_ = meeting;
  saved(save_meeting(path_, meeting));
}

}  // namespace grey::shared

#include "greyd/shared/meeting_keeper.h"

#include <utility>

namespace grey::shared {

MeetingKeeper::MeetingKeeper(std::string path, Background& background, Report report)
    : file_(std::move(path), "what the store was told", background, std::move(report)) {}

LastMeeting MeetingKeeper::load(Seconds now) {
  std::string note;
  const auto loaded = load_meeting(file_.path(), now, note);
  kept_ = file_.loaded(loaded, note, "the store is told all that is known here at each start");
  kept_at_ = now;
  return kept_;
}

void MeetingKeeper::keep(const LastMeeting& meeting, Seconds now) {
  // Another store is worth a word at once.
  const bool is_time = now >= kept_at_ + kInterval || now < kept_at_ || meeting.run != kept_.run;
  if (!file_.is_free() || !is_time || meeting == kept_) return;
  kept_at_ = now;
  kept_ = meeting;
  file_.write([path = file_.path(), meeting] { return save_meeting(path, meeting); });
}

void MeetingKeeper::save(const LastMeeting& meeting) {
  file_.drain();
  if (!file_.is_free() || meeting == kept_) return;
  kept_ = meeting;
  file_.write_now([&] { return save_meeting(file_.path(), meeting); });
}

}  // namespace grey::shared

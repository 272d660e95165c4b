// Keeps the last meeting on the disk: once a minute, by the background, and when the daemon ends.
#pragma once

#include <string>

#include "greyd/base/background.h"
#include "greyd/shared/last_meeting.h"
#include "greyd/shared/store_file.h"

namespace grey::shared {

class MeetingKeeper {
 public:
  using Report = StoreFile::Report;

  // `path`: see meeting_path(). `background` must outlive it.
  MeetingKeeper(std::string path, Background& background, Report report);

  // As load_meeting() has it. What cannot be read is reported, and never written over.
  LastMeeting load(Seconds now);
  // To be called about once a second. Writes it when it has changed and a minute is over.
  void keep(const LastMeeting& meeting, Seconds now);
  // Writes it now, behind what the background has begun.
  void save(const LastMeeting& meeting);

  static constexpr Seconds kInterval = 60;

 private:
  LastMeeting kept_;
  Seconds kept_at_ = 0;
  StoreFile file_;
};

}  // namespace grey::shared

// Finds the services of this machine that have to do with greylisting.
#pragma once

#include <string>
#include <vector>

namespace grey::svctool {

struct FoundServices {
  std::vector<std::string> greylisting;  // that svctool made
  std::vector<std::string> unknown;      // likewise, but their .options are gone or empty
  std::vector<std::string> smtp;         // that ask, or have a GREYIP
  std::vector<std::string> places;       // where was looked
  std::vector<std::string> hidden;       // of those, what only root may look into
};

// Below `directory`; when that is empty, where each suite looks for services, where a scanner that
// runs does, and where units of systemd name one. A service is found once, by the first name.
FoundServices find_services(const std::string& directory);

}  // namespace grey::svctool

#include "greyd/shared/store_probe.h"

#include "greyd/shared/scripts.h"

namespace grey::shared {

std::vector<std::string> store_probe() {
  const std::vector<std::string> keys = {
      "p:{probe}", "p:{probe}:hash", "p:{probe}:stream", kPolicyKey,  kRunKey,
      kBeatKey,    kStreamKey,       kEntriesKey,        "c:{probe}", "g:{probe}:",
  };
  std::vector<std::string> words = {"EVAL", std::string(kProbe), std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  return words;
}

}  // namespace grey::shared

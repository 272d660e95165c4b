// Whether the system leaves so few descriptors that state, log and queries need them all: what can
// be done without does without, and says so.
#pragma once

#include <sys/resource.h>

#include <string>

namespace grey {

constexpr rlim_t kFewDescriptors = 24;

inline bool has_few_descriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kFewDescriptors;
}

inline std::string few_descriptors_text() {
  return "under ulimit -n " + std::to_string(kFewDescriptors) + " the descriptors are needed";
}

}  // namespace grey

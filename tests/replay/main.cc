// usage: replay SCRIPT. Says on standard error what did not go as the script says, and exits 1.
#include <cstdio>

#include "tests/replay/replay.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: replay SCRIPT\n", stderr);
    return 100;
  }
  const std::string failure = grey::testing::replay(argv[1]);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "%s\n", failure.c_str());
  return 1;
}

// For tests with real servers: skipped where there are none.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/unit/store/redis_server.h"

int main(int argc, char** argv) {
  if (!grey::testing::RedisServer::installed()) {
    std::puts("skipped: redis-server is not installed");
    return 77;
  }
  return doctest::Context(argc, argv).run();
}

// What a small program takes of the C++ runtime: memory, and an end where exceptions would begin.
//
// A program that ends for lack of memory says so, and with 111, so that the client is told to come
// back: that is what a mail server expects of a program in front of another.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cstddef>
#include <new>

namespace {

[[noreturn]] void die(const char* what) {
  const char* const parts[] = {program_invocation_short_name, ": ", what, "\n"};
  for (const char* part : parts) {
    if (write(STDERR_FILENO, part, strlen(part)) < 0) break;
  }
  _exit(111);
}

}  // namespace

void* operator new(std::size_t size) {
  void* const memory = malloc(size > 0 ? size : 1);
  if (memory == nullptr) die("out of memory");
  return memory;
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  free(memory);
}

// libstdc++ calls these where it would throw: each but bad_alloc's is a mistake in the program.
// Their names are the library's.
// NOLINTBEGIN(cert-dcl58-cpp, bugprone-reserved-identifier, cert-dcl50-cpp)
namespace std {

void __throw_bad_alloc() {
  die("out of memory");
}
void __throw_bad_array_new_length() {
  die("out of memory");
}
void __throw_length_error(const char* what) {
  die(what);
}
void __throw_logic_error(const char* what) {
  die(what);
}
void __throw_out_of_range_fmt(const char* what, ...) {
  die(what);
}
#ifdef _GLIBCXX_ASSERTIONS
void __glibcxx_assert_fail(const char*, int, const char*, const char* condition) noexcept {
  die(condition != nullptr ? condition : "assertion failed");
}
#endif
void __throw_bad_function_call() {
  die("bad function call");
}

}  // namespace std
// NOLINTEND(cert-dcl58-cpp, bugprone-reserved-identifier, cert-dcl50-cpp)

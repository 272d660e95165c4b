// For who has several to tell: one whose callback throws must not keep the others from being told.
#pragma once

#include <exception>
#include <utility>

namespace grey {

class FirstThrown {
 public:
  template <typename Call>
  void tell(Call call) noexcept {
    try {
      call();
    } catch (...) {
      if (!first_) first_ = std::current_exception();
    }
  }
  // When all have been told: the first that was thrown goes on to who has called.
  void rethrow() {
    if (first_) std::rethrow_exception(std::exchange(first_, nullptr));
  }

 private:
  std::exception_ptr first_;
};

}  // namespace grey

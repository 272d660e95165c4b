// Strings of bytes in one piece of memory, which stays when they are cleared: for many short ones,
// again and again. What is looked at lives until the next change.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace grey {

class Strings {
 public:
  Strings() = default;
  Strings(std::initializer_list<std::string_view> all) {
    for (const std::string_view one : all) add(one);
  }

  void add(std::string_view one) {
    add_made([&](std::string& out) { out.append(one); });
  }
  // One that `make` appends to what it is given. All or nothing, when that throws.
  template <typename Make>
  void add_made(Make make) {
    ends_.push_back(bytes_.size());
    try {
      make(bytes_);
    } catch (...) {
      bytes_.resize(ends_.back());
      ends_.pop_back();
      throw;
    }
    ends_.back() = bytes_.size();
  }
  void clear() {
    bytes_.clear();
    ends_.clear();
  }

  bool empty() const { return ends_.empty(); }
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view*;
    using reference = std::string_view;

    Iterator(const Strings& of, std::size_t at) : of_(&of), at_(at) {}
    std::string_view operator*() const { return (*of_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    // A constant, as CERT has it, could not be moved from.
    Iterator operator++(int) {  // NOLINT(cert-dcl21-cpp)
      const Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Strings* of_;
    std::size_t at_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace grey

// The keys in force, of who asks by UDP, and their file.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "greyd/base/background.h"
#include "greyd/base/error.h"
#include "greyd/wire/keys.h"

namespace grey {

class KeyKeeper {
 public:
  // `background` must outlive it.
  KeyKeeper(std::string file, Background& background)
      : file_(std::move(file)), background_(background) {}

  // For the start: reads them, and how many there are.
  Result<std::size_t> load();

  // The same without waiting for the disk. After an error those that were in force stay.
  using Done = std::function<void(const Result<std::size_t>&)>;
  void start_reload(Done done);
  void start_check(Done done);  // what that would say

  const std::string& file() const { return file_; }
  const wire::KeyRing& keys() const { return keys_; }
  // Why the last reload did nothing; empty: it did, or there was none.
  const std::string& last_error() const { return last_error_; }

 private:
  using Read = Result<wire::KeyRing>;
  void read_in_background(std::function<void(const Read&)> then);
  Result<std::size_t> take(const Read& read);

  const std::string file_;
  Background& background_;
  wire::KeyRing keys_;
  std::string last_error_;
};

}  // namespace grey

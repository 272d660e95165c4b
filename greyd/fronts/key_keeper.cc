#include "greyd/fronts/key_keeper.h"

#include <utility>

#include "greyd/base/key_file.h"

namespace grey {

Result<std::size_t> KeyKeeper::take(const Read& read) {
  last_error_ = read ? std::string() : read.error().text;
  if (!read) return tl::make_unexpected(read.error());
  keys_ = *read;
  return keys_.count;
}

Result<std::size_t> KeyKeeper::load() {
  return take(read_keys(file_));
}

void KeyKeeper::read_in_background(std::function<void(const Read&)> then) {
  const auto read = std::make_shared<Read>();
  background_.run(
      [read, file = file_] {
        *read = read_keys(file);
        return 0;
      },
      [read, then = std::move(then)](int) { then(*read); });
}

void KeyKeeper::start_reload(Done done) {
  read_in_background([this, done = std::move(done)](const Read& read) { done(take(read)); });
}

void KeyKeeper::start_check(Done done) {
  read_in_background([done = std::move(done)](const Read& read) {
    done(read ? Result<std::size_t>(read->count) : tl::make_unexpected(read.error()));
  });
}

}  // namespace grey

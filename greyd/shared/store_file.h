// A file in which a daemon keeps what concerns the store, written by the background: one write at a
// time, the first of some that fail is reported, and what could not be read is never written over.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "greyd/base/background.h"
#include "greyd/base/error.h"

namespace grey::shared {

class StoreFile {
 public:
  using Report = std::function<void(const std::string& text)>;
  using Write = std::function<Result<void>()>;

  // `what` it has, as in "there is no memory to write WHAT". `background` must outlive it.
  StoreFile(std::string path, std::string what, Background& background, Report report);
  ~StoreFile();
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;

  const std::string& path() const { return path_; }
  // What was read of it, or none. `note` of that, or the error and what follows, is reported.
  template <class T>
  T loaded(Result<T> read, std::string note, const char* what_follows) {
    writes_ = read.has_value();
    if (!read) note = read.error().text + "; " + what_follows;
    if (!note.empty()) report_("store: " + note);
    return writes_ ? *std::move(read) : T();
  }

  // It may be written, and is not being written.
  bool is_free() const { return writes_ && !writing_; }
  // While it is free. `write` is called by the background, which is not to touch who calls;
  // `written` after that, here, if it succeeded and this is still there.
  void write(
      Write write, std::function<void()> written = [] {});
  // Now, by who calls, behind what the background has begun: after drain(), while it is free.
  void drain() { background_.drain(); }
  void write_now(
      const Write& write, const std::function<void()>& written = [] {});

 private:
  void ended(const Result<void>& outcome, const std::function<void()>& written);

  const std::string path_, what_;
  Background& background_;
  const Report report_;
  bool writes_ = true, writing_ = false, failing_ = false;
  std::shared_ptr<StoreFile*> self_ = std::make_shared<StoreFile*>(this);
};

}  // namespace grey::shared

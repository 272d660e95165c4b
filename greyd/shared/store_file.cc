#include "greyd/shared/store_file.h"

namespace grey::shared {

StoreFile::StoreFile(std::string path, std::string what, Background& background, Report report)
    : path_(std::move(path)),
      what_(std::move(what)),
      background_(background),
      report_(std::move(report)) {}

StoreFile::~StoreFile() {
  *self_ = nullptr;
}

void StoreFile::write(Write write, std::function<void()> written) {
  writing_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  background_.run(
      [outcome, write = std::move(write)] {
        *outcome = write();
        return 0;
      },
      [outcome, written = std::move(written), self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) *outcome = failure("there is no memory to write " + (*self)->what_);
        (*self)->ended(*outcome, written);
      });
}

void StoreFile::write_now(const Write& write, const std::function<void()>& written) {
  ended(write(), written);
}

void StoreFile::ended(const Result<void>& outcome, const std::function<void()>& written) {
  writing_ = false;
  if (outcome) written();
  const bool failed = !outcome;
  if (failed && !failing_) report_("store: " + outcome.error().text);
  failing_ = failed;
}

}  // namespace grey::shared

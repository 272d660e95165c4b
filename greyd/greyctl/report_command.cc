#include "greyd/greyctl/report_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/greyctl/gather_report.h"
#include "greyd/report/report_html.h"
#include "greyd/report/report_json.h"

namespace grey::greyctl {
namespace {

// Where the page goes. Opened before a daemon with millions of records is asked.
class Page {
 public:
  static Result<Page> open(const std::string& path) {
    struct stat status {};
    const bool exists = ::lstat(path.c_str(), &status) == 0;
    // A link is replaced, and not followed.
    if (exists && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
      return misuse("--html: " + path + " is no regular file");
    }
    auto file = NewFile::begin(path, true);
    if (!file) return tl::make_unexpected(file.error());
    const bool ours = exists && S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
    return Page(std::move(*file), ours ? status.st_mode & kPermissions : kMode);
  }

  Result<void> write(std::string_view html) {
    if (auto written = file_.write(html); !written) return written;
    return file_.put_in_place({mode_, {}, {}});
  }

 private:
  // Who mails whom is not for all to read, unless its owner has said so.
  static constexpr mode_t kMode = 0600, kPermissions = 0666;

  Page(NewFile file, mode_t mode) : file_(std::move(file)), mode_(mode) {}

  NewFile file_;
  mode_t mode_;
};

}  // namespace

Result<int> report(const Reporting& wanted, Channel& channel, const report::Look& look,
                   const Print& print) {
  std::optional<Page> page;
  if (!wanted.html.empty()) {
    auto opened = Page::open(wanted.html);
    if (!opened) return tl::make_unexpected(opened.error());
    page.emplace(std::move(*opened));
  }
  const auto figures = gather_report(channel, wanted.back);
  if (!figures) return tl::make_unexpected(figures.error());
  if (page) {
    if (auto written = page->write(report_html(*figures)); !written) {
      return tl::make_unexpected(written.error());
    }
  }
  if (wanted.json) {
    print(report_json(*figures));
  } else if (!page) {
    print(report_text(*figures, look));
  }
  return 0;
}

}  // namespace grey::greyctl

#include "greyd/shared/unsaid.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/state/framed_text.h"
#include "greyd/state/kept_files.h"

namespace grey::shared {
namespace {

constexpr std::string_view kHeader = "qmail-greyd orders 1";
constexpr mode_t kMode = 0600;
constexpr off_t kMaxFile = 100 << 20;  // octets; more than can wait

}  // namespace

std::string unsaid_path(const std::string& context_file) {
  return context_file + ".orders";
}

Result<std::vector<Order>> load_unsaid(const std::string& path, Seconds now, std::string& note) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && status.st_size > kMaxFile) {
    return failure(path + " is larger than it can be");
  }
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  std::vector<Order> orders;
  if (!*text) return orders;
  const auto take = [&](std::string_view line) -> std::string {
    auto order = read_order(line);
    if (!order) return "is no order";
    orders.push_back(std::move(*order));
    return "";
  };
  const auto count = [&] { return orders.size(); };
  const std::string bad = FrameReader{kHeader, "orders", take, count}.read(**text);
  if (bad.empty()) return orders;
  const std::string family = path + ".damaged.";
  const auto kept = keep_aside(path, family + std::to_string(now), family);
  if (!kept) return tl::make_unexpected(kept.error());
  note = path + ":" + bad + "; kept as " + *kept + ", others may not hear what was ordered here";
  return orders;
}

Result<void> save_unsaid(const std::string& path, const std::vector<Order>& orders) {
  if (orders.empty()) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return tl::make_unexpected(system_error("remove", path, errno));
  }
  std::string text(kHeader);
  text += '\n';
  for (const Order& order : orders) text += to_text(order) + '\n';
  text += "end " + std::to_string(orders.size()) + '\n';
  return replace_file(path, text, {kMode, {}, {}});
}

// ---- when --------------------------------------------------------------------------------------

UnsaidKeeper::UnsaidKeeper(std::string path, Background& background, Report report)
    : path_(std::move(path)), background_(background), report_(std::move(report)) {}

UnsaidKeeper::~UnsaidKeeper() {
  *self_ = nullptr;
}

std::vector<Order> UnsaidKeeper::load(Seconds now) {
  std::string note;
  auto loaded = load_unsaid(path_, now, note);
  writes_ = loaded.has_value();
  if (!loaded) note = loaded.error().text + "; others may not hear what was ordered here";
  if (!note.empty()) report_("store: " + note);
  return loaded.value_or(std::vector<Order>());
}

void UnsaidKeeper::keep(std::uint64_t version, const std::function<std::vector<Order>()>& orders) {
  if (!writes_ || writing_ || version == kept_) return;
  writing_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  background_.run(
      [outcome, path = path_, all = orders()] {
        *outcome = save_unsaid(path, all);
        return 0;
      },
      [outcome, version, self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) *outcome = failure("there is no memory to write what was ordered");
        (*self)->saved(*outcome, version);
      });
}

void UnsaidKeeper::saved(const Result<void>& outcome, std::uint64_t version) {
  writing_ = false;
  if (outcome) kept_ = version;
  const bool failed = !outcome;
  if (failed && !failing_) report_("store: " + outcome.error().text);
  failing_ = failed;
}

void UnsaidKeeper::save(std::uint64_t version, const std::vector<Order>& orders) {
  background_.drain();
  if (!writes_ || version == kept_) return;
  saved(save_unsaid(path_, orders), version);
}

}  // namespace grey::shared

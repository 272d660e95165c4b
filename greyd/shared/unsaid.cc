#include "greyd/shared/unsaid.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/state/framed_file.h"
#include "greyd/state/framed_text.h"

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
  std::vector<Order> orders;
  const auto take_line = [&](std::string_view line) -> std::string {
    auto order = read_order(line);
    if (!order) return "is no order";
    orders.push_back(std::move(*order));
    return "";
  };
  const auto count = [&] { return orders.size(); };
  const auto take = [&](std::string_view text) {
    return FrameReader{kHeader, "orders", take_line, count}.read(text);
  };
  const auto loss = [] { return "others may not hear what was ordered here"; };
  const auto loaded = FramedFile{path, kMaxFile, take, loss}.load(now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
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
    : file_(std::move(path), "what was ordered", background, std::move(report)) {}

std::vector<Order> UnsaidKeeper::load(Seconds now) {
  std::string note;
  auto loaded = load_unsaid(file_.path(), now, note);
  return file_.loaded(std::move(loaded), note, "others may not hear what was ordered here");
}

void UnsaidKeeper::keep(std::uint64_t version, const std::function<std::vector<Order>()>& orders) {
  if (!file_.is_free() || version == kept_) return;
  file_.write([path = file_.path(), all = orders()] { return save_unsaid(path, all); },
              [this, version] { kept_ = version; });
}

void UnsaidKeeper::save(std::uint64_t version, const std::vector<Order>& orders) {
  file_.drain();
  if (!file_.is_free() || version == kept_) return;
  file_.write_now([&] { return save_unsaid(file_.path(), orders); },
                  [this, version] { kept_ = version; });
}

}  // namespace grey::shared

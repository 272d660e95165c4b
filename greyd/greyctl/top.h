// Who has most records.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace grey::greyctl {

class Top {
 public:
  enum class By { clients, networks, senders, recipients };
  static std::optional<By> by_name(std::string_view name);
  static std::span<const std::string_view> names();

  explicit Top(By by) : by_(by) {}
  // A record as `list` gives it. One that has nothing to count by is passed over.
  void add(const nlohmann::json& record);
  // A head line, and the first so many, most waiting triplets first.
  std::string text(std::size_t most) const;
  nlohmann::json json(std::size_t most) const;  // a list of objects

 private:
  struct Counts {
    std::size_t waiting = 0, passed = 0, known = 0;
    std::size_t all() const { return waiting + passed + known; }
  };
  using Row = std::pair<std::string, Counts>;
  std::vector<Row> rows(std::size_t most) const;

  By by_;
  std::map<std::string, Counts, std::less<>> counts_;
};

}  // namespace grey::greyctl

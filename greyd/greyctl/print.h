// Where a command's answer goes, piece by piece.
#pragma once

#include <functional>
#include <string_view>

namespace grey::greyctl {

using Print = std::function<void(std::string_view)>;

}  // namespace grey::greyctl

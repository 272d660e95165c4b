// The text that a client is deferred with, as an operator may set it. "%t" in it stands for the
// time until a retry is accepted, see wait_text.h.
#pragma once

#include <cstddef>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/wire/wire.h"

namespace grey {

// It must be one that an SMTP reply can carry: printable ASCII, at most so many bytes.
constexpr std::size_t kMaxDeferral = wire::kMaxText;
Result<void> check_deferral(std::string_view text);

}  // namespace grey

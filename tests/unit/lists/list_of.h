// A list of a text that has to be a good one.
#pragma once

#include <doctest/doctest.h>

#include <string_view>
#include <utility>

#include "greyd/lists/address_list.h"

namespace grey::testing {

inline AddressList list_of(std::string_view text) {
  auto list = AddressList::parse(text, "list");
  REQUIRE_MESSAGE(list, (list ? "" : list.error().text));
  return std::move(*list);
}

}  // namespace grey::testing

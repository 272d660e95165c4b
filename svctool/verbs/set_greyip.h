// What --greyip says of its value, wherever it is written to.
#pragma once

#include <string_view>

namespace grey::svctool {

// Which server reads it cannot be seen from here.
void warn_of_indimail(std::string_view greyip);

}  // namespace grey::svctool

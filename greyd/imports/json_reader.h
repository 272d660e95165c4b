// Our own export: an object of JSON on each line, as greyctl(8) has them:
//
//   {"state":"passed","client":"192.0.2.0/24","sender":"a@x.org","recipient":"b@y.net",
//    "last_seen":1700000000}
//
// Addresses are words of text.h. Fields of other names are passed over.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> json_reader(std::string name, Visit visit);

}  // namespace grey::imports

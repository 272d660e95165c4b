// postgrey's databases as "db_dump -p", or db_dump alone, writes them: a header, then a line for
// each key and one for its value. Several in one file are read one after another.
//
//   192.0.2.0/sender/recipient     first,last      a triplet: of a network, or "192.0.2.1/32/..."
//   192.0.2.1                      count,last      a client and its good retries
//
// A triplet has passed when its last attempt is a good retry of its first. Keys of --privacy are
// hashes, and nobody comes back from them.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> postgrey_reader(std::string name, const Settings& settings, Visit visit);

}  // namespace grey::imports

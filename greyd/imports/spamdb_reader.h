// What OpenBSD's spamdb(8) prints, a line each:
//
//   GREY|address|helo|<from>|<to>|first|pass|expire|blocked|passed    helo since OpenBSD 4.1
//   WHITE|address|||first|pass|expire|blocked|passed                  last seen: good_life before
//   TRAPPED|address|expire                                            it expires
//   SPAMTRAP|address
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> spamdb_reader(std::string name, const Settings& settings, Visit visit);

}  // namespace grey::imports

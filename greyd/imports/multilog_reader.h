// qmail-smtpd's log as multilog writes it, "current" or a rotated "@4000....s": lines that begin
// with a TAI64N stamp. Those that say that a recipient or a message was accepted have fields
// "name=value" among them
//
//   @400000006745f1a21b2c3d4e qlogenvelope: result=accepted code=250 ... remoteip=192.0.2.1 ...
//
// and tell of a client that has been known since then at the latest. All other lines are passed
// over, and so is a last one that is still being written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> multilog_reader(std::string name, Visit visit);

// The seconds of a line's stamp "@" and 24 hexadecimal digits; nothing when it begins with none.
std::optional<Seconds> tai64n_seconds(std::string_view line);

// The files of a log's directory, the oldest first: rotated ones, whole or not, then current.
Result<std::vector<std::string>> multilog_files(Directory& directory);

}  // namespace grey::imports

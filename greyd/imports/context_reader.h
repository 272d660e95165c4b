// Our context file, IndiMail's, and greydaemon's save file, by the readers of greyd/state.
//
// These want the text at once: read_whole() of a mapped file takes no memory; what is fed in pieces
// is kept until its end, up to kMaxFed octets.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

constexpr std::size_t kMaxFed = std::size_t{256} << 20;

std::unique_ptr<Reader> context_reader(Form form, std::string name, Visit visit);

}  // namespace grey::imports

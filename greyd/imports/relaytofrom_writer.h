// relaydelay's table (see row.h) as statements of SQL, in one transaction. A text that has been cut
// changes nothing; the table is made where it is not there yet.
//
//   waiting  AUTO; let in from create_time plus min resend until create_time plus the window
//   bounce   AUTO; let in until its life is over
//   passed   AUTO, passed_count 1; forgotten good_life of reader.h after it was last seen
//   known    MANUAL, of the client alone, let in until it would be forgotten here; one that has not
//            got all of its good retries yet has no place
//
// An address is text: of a network of whole octets these alone ("192.0.2"), of any other CIDR.
// A client without an address has no place. Sender and recipient may be any octets: their columns
// are binary, and what is not plain stands in hexadecimal, so that it is read the same under any
// character set and sql_mode.
#pragma once

#include <memory>

#include "greyd/imports/writer.h"

namespace grey::imports {

std::unique_ptr<Writer> relaytofrom_writer(const WriterSettings& settings);

}  // namespace grey::imports

// A dump of MySQL or MariaDB as mysqldump, mariadb-dump and phpMyAdmin write it: CREATE TABLE for
// the columns, INSERT or REPLACE for the rows, and SET TIME_ZONE for what zone timestamps are of.
// Of all tables in it those count that row.h knows.
//
// Without SET TIME_ZONE timestamps are of this host's zone. mysqldump --compact leaves it out and
// has them in UTC all the same: what waits is off by the difference then, and nothing else is.
//
// A dump that ends within a statement has been cut and is bad; so is one that begins with
// mysqldump's line and does not end with it.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> sql_reader(std::string name, const Settings& settings, Visit visit);

}  // namespace grey::imports

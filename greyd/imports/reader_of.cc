// Which reader is for which form.
#include <utility>

#include "greyd/imports/context_reader.h"
#include "greyd/imports/json_reader.h"
#include "greyd/imports/multilog_reader.h"
#include "greyd/imports/postgrey_reader.h"
#include "greyd/imports/reader.h"
#include "greyd/imports/sent_log_reader.h"
#include "greyd/imports/spamdb_reader.h"
#include "greyd/imports/sql_reader.h"
#include "greyd/imports/tabbed_reader.h"

namespace grey::imports {

std::unique_ptr<Reader> reader_of(Form form, std::string name, const Settings& settings,
                                  Visit visit) {
  switch (form) {
    case Form::context:
    case Form::indimail:
    case Form::greydaemon:
      return context_reader(form, std::move(name), std::move(visit));
    case Form::json:
      return json_reader(std::move(name), std::move(visit));
    case Form::mysql:
      return sql_reader(std::move(name), settings, std::move(visit));
    case Form::table:
      return tabbed_reader(std::move(name), settings, std::move(visit));
    case Form::multilog:
      return multilog_reader(std::move(name), std::move(visit));
    case Form::postgrey:
      return postgrey_reader(std::move(name), settings, std::move(visit));
    case Form::spamdb:
      return spamdb_reader(std::move(name), settings, std::move(visit));
    case Form::qmail_send:
      return qmail_send_reader(std::move(name), std::move(visit));
    case Form::postfix:
      return postfix_reader(std::move(name), settings, std::move(visit));
    case Form::any_sent_log:
      return any_sent_log_reader(name, settings, visit);
    case Form::jgreylist:
    case Form::cqgreylist:
      break;  // trees.h
  }
  return nullptr;
}

bool wants_whole(Form form) {
  return form == Form::context || form == Form::indimail || form == Form::greydaemon;
}

}  // namespace grey::imports

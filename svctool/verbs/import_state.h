// svctool --greylist --import: what other greylisters have kept becomes part of a service's state.
// greyctl(8) reads it: it is asked first whether it would, when nothing has been changed yet; then,
// as the last thing before a new service appears, told to. So a daemon that starts for the first
// time has it from its first query on. A daemon that runs already takes it itself.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

class StateImport {
 public:
  // `request` must outlive it. `service`: the directory that is there and nobody else could have
  // written; empty: none is.
  StateImport(const ServiceRequest& request, const std::string& service);

  // Reads all of the sources, as into an empty state where no daemon runs; an error when one is
  // bad. Changes nothing.
  Result<void> rehearse();
  // REQUIRES: who will own the state is there, and so is its directory. After an error nothing is
  // there that was not before, unless a daemon has taken it: then the error says what.
  Result<void> perform();
  // What greyctl has said, for the operator.
  void report(bool rehearsed) const;

 private:
  Result<std::string> greyctl(std::vector<std::string> place, bool dry_run) const;
  Result<std::string> import_offline(const std::string& context_file, bool dry_run) const;

  const ServiceRequest& request_;
  const std::string program_;
  const std::string running_;  // the service directory of a daemon that answers; empty: none does
  std::string said_;
};

}  // namespace grey::svctool

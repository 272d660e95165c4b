// Reads the service directories that are there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/wire/keys.h"
#include "svctool/plan/greyip.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// In a service directory: --refreshsvc leaves its scripts alone.
constexpr const char* kNoRefresh = "/.norefresh";

// What a greylisting service was installed with. Nothing when the directory has no .options: it is
// not one of svctool's.
Result<std::optional<ServiceRequest>> read_options(const std::string& service);
// The same, and an error in that case.
Result<ServiceRequest> read_own_options(const std::string& service);

// Who else than root, or than whoever runs svctool, could change what a supervisor runs and what
// is read here: "user daemon can write to /service/x/run". Empty: nobody.
std::vector<std::string> exposures_of(const std::string& service);
// As read_own_options(); an error where somebody else could have written them, or anything else
// there.
Result<ServiceRequest> read_trusted_options(const std::string& service);

// The same where what nobody else can have written is only .options: for what believes nothing
// else.
Result<ServiceRequest> read_unexposed_options(const std::string& service);

// Whether it was installed as a greylisting service: its .options name --greylist, even where they
// are otherwise not what this version understands.
bool is_greylisting_service(const std::string& service);

// Whether it has what a daemon of svctool's is started from, and no such .options: they are gone or
// empty, so what it was installed with is not known.
bool lacks_options(const std::string& service);

// What a variable of a service is set to, in variables/ or in systemd's environment file. Empty
// when it is not set or cannot be read.
std::string read_variable(const std::string& service, const std::string& name);

// Who runs the daemon of a greylisting service; empty where that cannot be read.
std::string user_of_daemon(const std::string& service);

// The keys in a file, and what is wrong with it: that it is not there, that more may use it than
// its owner and its group, or a line of it. Nothing of it is repeated.
Result<wire::KeyRing> keys_in(const std::string& path);

// The path of a daemon's file of keys, as its variables have it; empty: none.
std::string key_file_of_daemon(const std::string& service);

// Where the daemon's log is, for the operator: a file, or a command that shows it.
std::string log_place(const Suite& suite, const std::string& service);

// An error when the directory has no `run`.
Result<SmtpService> read_smtp_service(const std::string& service);

}  // namespace grey::svctool

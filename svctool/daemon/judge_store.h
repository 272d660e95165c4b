// What is to be said of the store by which several daemons share one state. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "svctool/daemon/judge_running.h"
#include "svctool/plan/findings.h"

namespace grey::svctool {

// `said`: what the daemon has said before a start that it would make all the same. Of that, what
// begins with "store: WORD: " is about the store; qmail-greyd(8) has the words.
void judge_store(const std::vector<std::string>& said, const std::string& service,
                 Findings& findings);

// `secrets`: the files of password and key, which the daemon reads at its start alone.
// `started_at`: when that was; absent: it does not run.
void judge_secrets(const std::vector<ListFacts>& secrets, std::optional<double> started_at,
                   const std::string& service, Findings& findings);

}  // namespace grey::svctool

// Scenarios: text scripts that drive the service as the server would, without a network and with a
// clock that the script moves. One instruction a line, '#' comments:
//
//   options ARGUMENT...        command line options (before `start`); also `program greydaemon`
//   whitelist ENTRY            adds a line to the whitelist file; `blacklist` likewise
//   rule WHO... ACTION...      adds a line to the rules
//   whitelist-clear, rules-clear   empties it
//   start                      starts the service; the clock stands at 1000000000
//   CLIENT SENDER RECIPIENT[,RECIPIENT...] [name=HOST] [probe] : VERDICT REASON [age=SECONDS]
//                              [wait=SECONDS|wait=none] [rule=LINE] [text=WORD]
//                              a query and what must be answered; rule: 0 for none; <> is the null
//                              sender or no text, and in a sender, recipient or text %20 is a
//                              blank; () is no recipient, and a client
//                              <> the empty name
//   +TIME                      time passes: 30s, 5m, 12h, 7d, or a sum as 4m59s
//   -TIME | leap TIME          the wall clock is set back, or forward; no time passes
//   save | restart | kill      a snapshot is written; saved and started anew; started anew unsaved,
//                              so that only what is on disk is left
//   reload | reload-fails      the lists are read again, and must (not) be good
//   expire                     forgets what is over
//   records N                  so many records must be held
//   copy-context FILE          a file of the test data becomes the context file
#pragma once

#include <string>

namespace grey::testing {

// Each script in this directory is a test of its own, "replay_NAME".
//
// Runs the script in an empty directory of its own. Empty when all went as it says, else the first
// failure as "NAME:LINE: what was expected and what happened".
std::string replay(const std::string& script_path);

}  // namespace grey::testing

// What the wrapper does without before it reads from a client.
#pragma once

namespace grey::smtp {

// Gives up, for good and for this process alone: capabilities and what a set-user-ID program would
// bring, all files (Landlock), and all system calls (seccomp; they fail by EPERM) but for those of
// a session that is relayed or refused: what is open is read and written, and greylisting daemons
// are asked by UDP. REQUIRES: no server is started later by this process; one that has been started
// keeps all. What the kernel does not have is done without: a session is not refused for it.
void give_up_all_but_the_session();

}  // namespace grey::smtp

/* The spawner of the look-up helper begins late: half a second passes before the first thing by
 * which it gives up what it has of the daemon. Loaded before the daemon with LD_PRELOAD. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int dup3(int from, int to, int flags) {
  const struct timespec half = {0, 500000000};
  nanosleep(&half, NULL);
  return (int)syscall(SYS_dup3, from, to, flags);
}

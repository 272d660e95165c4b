/* Plays another user who, the moment a unix socket has been made, puts a link to $PLANTED_LINK in
 * its place. LD_PRELOAD; for a directory where that user may do so. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int bind(int fd, const struct sockaddr* address, socklen_t size) {
  static int (*next)(int, const struct sockaddr*, socklen_t);
  const char* target = getenv("PLANTED_LINK");
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "bind");
  const int result = next(fd, address, size);
  if (result == 0 && target != NULL && address->sa_family == AF_UNIX) {
    const char* path = ((const struct sockaddr_un*)address)->sun_path;
    if (unlink(path) != 0 || symlink(target, path) != 0) perror(path);
  }
  return result;
}

/* Exchanges, until it is killed, what stands at names in a directory: the directory DIR/real comes
 * to DIR/way and goes, and in its stead a link to TARGET does; and in it, files for links to those
 * of TARGET. Whoever goes that way finds one, the other, or nothing, at any moment.
 *
 * usage: swap_names DIR TARGET */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char* const names[] = {"tcp.smtp", "tcp.smtp.cdb", "keys",
                                    "list.cdb", "run",          "variables/GREYIP"};

/* In `real`, which stands at another name now and then: whatever fails is tried again. */
static void plant(const char* target, const char* name, int there) {
  char link[4096], path[64];
  snprintf(path, sizeof path, "way/%s", name);
  snprintf(link, sizeof link, "%s/%s", target, name);
  if (there) {
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) unlink(path);
  } else {
    if (symlink(link, path) != 0) return; /* it is there, or `way` is not */
  }
}

int main(int argc, char** argv) {
  if (argc != 3 || chdir(argv[1]) != 0) {
    fprintf(stderr, "usage: swap_names DIR TARGET\n");
    return 100;
  }
  const char* target = argv[2];
  if (symlink(target, "link") != 0) perror("link");
  for (unsigned turn = 0;; ++turn) {
    rename("real", "way");
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
      if ((turn + i) % 7 == 0) plant(target, names[i], 0);
    }
    if (turn % 3 == 0) usleep(2000); /* long enough for a whole edit now and then */
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) plant(target, names[i], 1);
    rename("way", "real");
    rename("link", "way");
    if (turn % 5 == 0) usleep(500);
    rename("way", "link");
  }
}

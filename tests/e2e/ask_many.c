/* Asks a greylisting daemon about many delivery attempts at once, as the environment says (GREYIP
 * and the rest), and counts what became of them. Each has a client of its own, in another network:
 * CLIENT-PREFIX is the first two numbers of IPv4 addresses ("10.1.") or three of IPv6
 * ("fd77:1:2:").
 *
 * usage: ask_many CLIENT-PREFIX COUNT SENDER [RECIPIENTS]
 *
 * of RECIPIENTS recipients each, 2 when it is not given. One line:
 * accept=N defer=N unanswered=N longest_ms=N, the time by the monotonic clock. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smtpd-glue/libgreylist/greylist.h"

enum { kThreads = 16 };

static const char* prefix;
static const char* sender;
static char recipients[60000];
static size_t recipients_size;
static int count;
static struct greylist_options options;

struct tally {
  int number; /* of the thread */
  int accepted, deferred, unanswered;
  long longest_ms;
};

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void* ask_share(void* argument) {
  struct tally* tally = argument;
  int i;
  for (i = tally->number; i < count; i += kThreads) {
    char client[100];
    struct greylist_query query = {0};
    struct greylist_result result;
    long begin = now_ms(), took;
    if (strchr(prefix, ':') != NULL) {
      snprintf(client, sizeof client, "%s%x::1", prefix, i);
    } else {
      snprintf(client, sizeof client, "%s%d.%d", prefix, i / 256, i % 256);
    }
    query.client = client;
    query.sender = sender;
    query.recipients = recipients;
    query.recipients_size = recipients_size;
    result = greylist_ask(&options, &query);
    took = now_ms() - begin;
    if (took > tally->longest_ms) tally->longest_ms = took;
    if (result.error != GREYLIST_ANSWERED) ++tally->unanswered;
    if (result.verdict == GREYLIST_ACCEPT) {
      ++tally->accepted;
    } else {
      ++tally->deferred;
    }
  }
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t threads[kThreads];
  struct tally tallies[kThreads], all = {0};
  int i, recipient_count;
  if (argc != 4 && argc != 5) return 100;
  prefix = argv[1];
  count = atoi(argv[2]);
  sender = argv[3];
  recipient_count = argc == 5 ? atoi(argv[4]) : 2;
  if (recipient_count > 1000) return 100;
  for (i = 0; i < recipient_count; ++i) {
    recipients_size += 1 + (size_t)sprintf(recipients + recipients_size, "Tuser%d@example.net", i);
  }
  if (greylist_options_from_env(&options) != 0) return 100;
  memset(tallies, 0, sizeof tallies);
  for (i = 0; i < kThreads; ++i) {
    tallies[i].number = i;
    if (pthread_create(&threads[i], NULL, ask_share, &tallies[i]) != 0) return 111;
  }
  for (i = 0; i < kThreads; ++i) {
    pthread_join(threads[i], NULL);
    all.accepted += tallies[i].accepted;
    all.deferred += tallies[i].deferred;
    all.unanswered += tallies[i].unanswered;
    if (tallies[i].longest_ms > all.longest_ms) all.longest_ms = tallies[i].longest_ms;
  }
  printf("accept=%d defer=%d unanswered=%d longest_ms=%ld\n", all.accepted, all.deferred,
         all.unanswered, all.longest_ms);
  return 0;
}

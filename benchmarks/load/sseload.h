/* sseload, a load generator for Server-Sent Events: one thread, one epoll, one JSON object as its answer.
 *
 * It opens streams, publishes events by POST (or lets the server replay them by itself), and counts one
 * token per event on every stream.  The token stands at the END of every payload, so once it has been seen
 * the whole event but its terminator has arrived:
 *
 *     xxxxx...xxxxx~t=TTTTTTTTTTTTTTTT;s=SSSSSSSS;
 *
 * T is CLOCK_MONOTONIC in nanoseconds when the event was (due to be) published, S its sequence number.
 * The search ignores framing, so chunked encoding, other fields and JSON quoting do not matter.
 */
#ifndef SSELOAD_H
#define SSELOAD_H

#include <inttypes.h>
#include <stddef.h>
#include <sys/types.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define TOKEN_LEN 31 /* ~t= 16 digits ;s= 8 digits ; */
#define MAX_PIDS 64
#define NO_STREAM (~0ull) /* what epoll reports for the publisher's connection */

enum format { PLAIN, FORM, JSON, NDJSON };

struct options {
    const char *host, *path, *pub_path, *topic;
    int port, streams, sources, connecting, stuck;
    int events, window, batch, size, prime;
    int publish, check_seq;
    enum format format;
    double rate, settle, tail, hold, stall; /* events per second; the others are seconds */
    char headers[4096], pub_headers[4096];
    pid_t pids[MAX_PIDS];
    int npids;
};
extern struct options opt;
void read_options(int argc, char **argv);

/* clock.c: time, and what the machine and the server's processes have used */
struct usage {
    u64 cpu_ns, user_ticks, sys_ticks, rss_kb, pss_kb;
};
u64 now_ns(void);
void server_usage(struct usage *u, int with_memory);
double machine_busy_s(void); /* all cores, since boot */
double own_cpu_s(void);
_Noreturn void die(const char *what);

/* streams.c: the subscribers */
struct tally {
    int open, dead, stuck_open;
    u64 delivered, gaps, dups, bad_tokens, bytes, reads;
    u64 *latencies, nlatencies; /* nanoseconds, one for each delivery */
    u64 last_progress;
    int measuring;
};
extern struct tally tally;
extern int ep;
int tcp_connect(int source, int blocking, int receive_buffer);
void watch(int op, int fd, u32 events, u64 id);
void streams_alloc(void);
void streams_open(void); /* returns when all are open, or after `stall` seconds without progress */
void streams_stick(void);
int streams_stuck_still_open(void);
void streams_forget(u32 last_seq); /* what came before is warm-up and does not count */
int streams_complete(void);
void on_stream(int i);

/* publisher.c: one keep-alive connection, one request at a time */
struct publications {
    u32 next, complete, limit; /* complete: the first that not everybody has; limit: size of the arrays */
    u32 *got;                  /* by sequence number: how many streams have it */
    u64 *at, *done_at, errors;
    int busy;
};
extern struct publications pub;
void publications_alloc(void);
void publish(u64 stamp, int count);
void on_publisher(void);

/* loop.c */
void turn(int milliseconds);
void idle(double seconds);
double wait_until_quiet(double limit);

/* report.c */
struct phases {
    struct usage start, idle, primed, before, end;
    double connect_s, prime_s, wall_s, others_cores, own_cpu_s;
    int primed_count;
    u32 first, last; /* sequence numbers that were measured: first <= s < last */
};
int report(const struct phases *p); /* exit status: 0 if every event came exactly once, else 3 */

#endif

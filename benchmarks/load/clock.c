#define _GNU_SOURCE
#include "sseload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void die(const char *what) {
    fprintf(stderr, "sseload: %s: %s\n", what, strerror(errno));
    exit(2);
}
static u64 nanoseconds(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t)) return 0; /* the process has gone */
    return (u64)t.tv_sec * 1000000000ull + t.tv_nsec;
}
u64 now_ns(void) { return nanoseconds(CLOCK_MONOTONIC); }

static void add_ticks(struct usage *u, pid_t pid) {
    char name[64], text[4096];
    unsigned long user = 0, sys = 0;
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    FILE *f = fopen(name, "r");
    if (!f) return;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    char *after_name = strrchr(text, ')');
    if (after_name)
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    u->user_ticks += user;
    u->sys_ticks += sys;
}
static void add_memory(struct usage *u, pid_t pid) {
    char name[64], line[512];
    unsigned long kb;
    snprintf(name, sizeof name, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(name, "r");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Rss: %lu", &kb) == 1) u->rss_kb += kb;
        if (sscanf(line, "Pss: %lu", &kb) == 1) u->pss_kb += kb;
    }
    fclose(f);
}
void server_usage(struct usage *u, int with_memory) {
    memset(u, 0, sizeof *u);
    for (int i = 0; i < opt.npids; i++) {
        clockid_t clock; /* the process's own CPU clock counts nanoseconds; /proc counts hundredths of a second */
        if (clock_getcpuclockid(opt.pids[i], &clock) == 0) u->cpu_ns += nanoseconds(clock);
        add_ticks(u, opt.pids[i]);
        if (with_memory) add_memory(u, opt.pids[i]);
    }
}
double machine_busy_s(void) {
    unsigned long user = 0, nice = 0, sys = 0, idle_, io, irq = 0, soft = 0, steal = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (!f) return 0;
    int n = fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &sys, &idle_, &io, &irq, &soft, &steal);
    fclose(f);
    if (n < 8) return 0;
    return (double)(user + nice + sys + irq + soft + steal) / sysconf(_SC_CLK_TCK);
}
double own_cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

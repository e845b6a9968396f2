#include "sseload.h"

#include <sys/epoll.h>

/* A server that used less than this much CPU in a pause has done what there was to do. */
#define PAUSE_S 0.4
#define QUIET_NS 20000000ull

void turn(int milliseconds) {
    static struct epoll_event ready[1024];
    int n = epoll_wait(ep, ready, 1024, milliseconds);
    for (int i = 0; i < n; i++) {
        if (ready[i].data.u64 == NO_STREAM) on_publisher();
        else on_stream((int)ready[i].data.u64);
    }
}
void idle(double seconds) {
    u64 until = now_ns() + (u64)(seconds * 1e9), now;
    while ((now = now_ns()) < until) {
        u64 ms = (until - now) / 1000000;
        turn(ms > 100 ? 100 : (int)ms + 1);
    }
}
double wait_until_quiet(double limit) {
    u64 start = now_ns();
    struct usage before, after;
    for (;;) {
        server_usage(&before, 0);
        idle(PAUSE_S);
        server_usage(&after, 0);
        double spent = (now_ns() - start) / 1e9;
        if (after.cpu_ns - before.cpu_ns < QUIET_NS) return spent - PAUSE_S;
        if (spent > limit) return spent;
    }
}

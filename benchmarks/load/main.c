/* Phases: (1) connect all, wait until the server is quiet, look at its memory; (2) prime: warm-up events in
 * lock-step until every stream has got one; (3) settle; (4) measure; (5) report. */
#include "sseload.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static struct phases phases;

static void raise_file_limit(void) {
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
static double since(u64 then) { return (now_ns() - then) / 1e9; }
static int stalled(void) { return since(tally.last_progress) > opt.stall; }

static void connect_all(void) {
    u64 began = now_ns();
    streams_open();
    phases.connect_s = since(began);
    if (!opt.publish) return;
    idle(opt.tail);
    wait_until_quiet(120);
    if (opt.hold > 0) idle(opt.hold);
    server_usage(&phases.idle, 1);
    streams_stick();
}
static int reached_all(u32 seq, double limit) {
    u64 began = now_ns();
    while ((pub.got[seq] < (u32)opt.streams || pub.busy) && since(began) < limit) turn(20);
    return pub.got[seq] == (u32)opt.streams;
}
static void warm_up(void) {
    u64 began = now_ns();
    for (int tries = 0; phases.primed_count < opt.prime && tries < opt.prime + 60; tries++) {
        while (pub.busy) turn(100);
        publish(now_ns(), opt.batch);
        /* A server may send headers before it has subscribed the stream: then the first events are missed. */
        double limit = phases.primed_count ? opt.stall : 3 + opt.streams / 1000.0;
        if (reached_all(pub.next - 1, limit)) phases.primed_count++;
        else if (phases.primed_count) break;
    }
    phases.prime_s = since(began);
    if (phases.primed_count < opt.prime) fprintf(stderr, "sseload: priming failed (%d)\n", phases.primed_count);
    pub.complete = pub.next;
    streams_forget(pub.next - 1);
    idle(opt.settle);
}
static void wait_for_due(u64 due) {
    u64 now = now_ns();
    if (now >= due) publish(due, opt.batch);
    else turn(due - now > 1000000 ? (int)((due - now) / 1000000) : 0);
}
static void publish_all(void) {
    u64 began = now_ns();
    while (pub.complete < phases.last) {
        u32 left = phases.last - pub.next;
        u32 count = left < (u32)opt.batch ? left : (u32)opt.batch;
        int in_flight = pub.next - pub.complete;
        if (pub.busy || !left) turn(100);
        else if (opt.rate > 0) wait_for_due(began + (u64)((pub.next - phases.first) * 1e9 / opt.rate));
        else if (in_flight + (int)count <= opt.window) publish(now_ns(), count);
        else turn(100);
        if (opt.streams && !tally.open) break;
        if (opt.streams && stalled() && (opt.rate <= 0 || !left)) break;
    }
}
static void receive_all(u64 expected) {
    while (tally.delivered < expected && tally.open && !stalled()) turn(100);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    ep = epoll_create1(EPOLL_CLOEXEC);
    streams_alloc();
    publications_alloc();

    u64 began = now_ns();
    double busy = machine_busy_s(), own = own_cpu_s();
    server_usage(&phases.start, 1);
    phases.before = phases.idle = phases.start;
    tally.measuring = !opt.publish;
    connect_all();
    if (opt.publish) warm_up();
    server_usage(&phases.primed, 1);

    phases.first = pub.next;
    phases.last = pub.next + opt.events;
    tally.last_progress = now_ns();
    if (opt.publish && opt.events) { /* else connecting is what is measured */
        began = now_ns();
        busy = machine_busy_s();
        own = own_cpu_s();
        server_usage(&phases.before, 0);
        tally.measuring = 1;
        publish_all();
    } else {
        receive_all((u64)opt.streams * opt.events);
    }
    phases.wall_s = since(began);
    phases.own_cpu_s = own_cpu_s() - own;
    idle(opt.tail);
    server_usage(&phases.end, 1);
    double server_s = (phases.end.cpu_ns - phases.before.cpu_ns) / 1e9;
    phases.others_cores = (machine_busy_s() - busy - server_s - (own_cpu_s() - own)) / since(began);
    tally.stuck_open = streams_stuck_still_open();
    return report(&phases);
}

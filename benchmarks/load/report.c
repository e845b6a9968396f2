#include "sseload.h"

#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return x < y ? -1 : x > y;
}
static double microseconds(const u64 *sorted, u64 n, double quantile) {
    return n ? sorted[(u64)(quantile * (n - 1) + 0.5)] / 1000.0 : -1;
}
static void percentiles(const char *name, u64 *values, u64 n) {
    qsort(values, n, sizeof *values, compare);
    printf("\"%s\":{\"min\":%.0f,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f},", name, microseconds(values, n, 0),
           microseconds(values, n, .5), microseconds(values, n, .9), microseconds(values, n, .99), microseconds(values, n, 1));
}
static void last_clients(const struct phases *p) {
    u64 *took = malloc((opt.events + 1) * sizeof *took), n = 0;
    for (u32 s = p->first; opt.publish && s < p->last && s < pub.limit; s++)
        if (pub.done_at[s]) took[n++] = pub.done_at[s] - pub.at[s];
    percentiles("last_client_us", took, n);
    free(took);
}
static void memory(const struct phases *p) {
    double streams = opt.streams ? opt.streams : 1;
    printf("\"rss_start_kb\":%" PRIu64 ",\"rss_idle_kb\":%" PRIu64 ",\"rss_primed_kb\":%" PRIu64 ",\"rss_end_kb\":%" PRIu64 ",",
           p->start.rss_kb, p->idle.rss_kb, p->primed.rss_kb, p->end.rss_kb);
    printf("\"rss_per_stream_b\":%.0f,\"pss_per_stream_b\":%.0f,", ((double)p->idle.rss_kb - p->start.rss_kb) * 1024 / streams,
           ((double)p->idle.pss_kb - p->start.pss_kb) * 1024 / streams);
    printf("\"growth_kb\":%" PRId64 ",", (int64_t)(p->end.rss_kb - p->primed.rss_kb));
    printf("\"connect_s\":%.4f,\"connect_cpu_us\":%.2f,", p->connect_s, ((double)p->idle.cpu_ns - p->start.cpu_ns) / 1000.0 / streams);
}
static void cpu(const struct phases *p) {
    double us = (p->end.cpu_ns - p->before.cpu_ns) / 1000.0, delivered = tally.delivered ? tally.delivered : 1;
    double user = p->end.user_ticks - p->before.user_ticks, sys = p->end.sys_ticks - p->before.sys_ticks;
    double wall = p->wall_s > 0 ? p->wall_s : 1;
    printf("\"wall_s\":%.4f,\"cpu_s\":%.4f,\"cpu_user_share\":%.3f,\"others_cores\":%.3f,", p->wall_s, us / 1e6,
           user + sys > 0 ? user / (user + sys) : -1, p->others_cores);
    printf("\"cpu_us_per_delivery\":%.4f,\"deliveries_per_s\":%.0f,", us / delivered, tally.delivered / wall);
    printf("\"cpu_us_per_event\":%.3f,\"events_per_s\":%.1f,", us / (opt.events ? opt.events : 1), opt.events / wall);
    printf("\"generator_busy\":%.3f,\"bytes_per_delivery\":%.1f,\"deliveries_per_read\":%.2f,", p->own_cpu_s / wall,
           tally.bytes / delivered, delivered / (tally.reads ? tally.reads : 1));
}
int report(const struct phases *p) {
    u64 expected = (u64)opt.streams * opt.events;
    int ok = tally.delivered == expected && !tally.dups && !tally.gaps && !tally.bad_tokens && !tally.dead &&
             tally.open == opt.streams && !pub.errors && streams_complete() == opt.streams &&
             (!opt.publish || pub.complete >= p->last) && p->primed_count == opt.prime;
    printf("{\"n\":%d,\"events\":%d,\"batch\":%d,\"window\":%d,\"rate\":%g,\"size\":%d,", opt.streams, opt.events, opt.batch,
           opt.window, opt.rate, opt.size);
    printf("\"ok\":%s,\"open\":%d,\"dead\":%d,\"stuck_open\":%d,\"primed\":%d,\"pub_errors\":%" PRIu64 ",", ok ? "true" : "false",
           tally.open, tally.dead, tally.stuck_open, p->primed_count, pub.errors);
    printf("\"expected\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"lost\":%" PRId64 ",\"gaps\":%" PRIu64 ",\"doubled\":%" PRIu64
           ",\"bad_tokens\":%" PRIu64 ",", expected, tally.delivered, (int64_t)(expected - tally.delivered), tally.gaps, tally.dups,
           tally.bad_tokens);
    memory(p);
    cpu(p);
    last_clients(p);
    percentiles("lat_us", tally.latencies, tally.nlatencies);
    printf("\"generator_cpu_s\":%.4f}\n", p->own_cpu_s);
    return ok ? 0 : 3;
}

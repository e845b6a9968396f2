#define _GNU_SOURCE
#include "sseload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_ROOM 8192
#define EVENT_ROOM 512 /* what an event needs beside its payload */

struct publications pub = {.next = 1, .complete = 1};
static int fd = -1, connecting;
static char *head, *body, *payload, answer[65536];
static size_t nhead, nbody, sent, nanswer;

void publications_alloc(void) {
    pub.limit = opt.events + (opt.prime + 64) * opt.batch + 1000;
    pub.got = calloc(pub.limit, sizeof *pub.got);
    pub.at = calloc(pub.limit, sizeof *pub.at);
    pub.done_at = calloc(pub.limit, sizeof *pub.done_at);
    head = malloc(HEAD_ROOM);
    body = malloc((size_t)opt.batch * (opt.size + EVENT_ROOM));
    payload = malloc(opt.size + EVENT_ROOM);
    if (!pub.got || !pub.at || !pub.done_at || !head || !body || !payload) die("memory");
    memset(payload, 'x', opt.size);
}

/* ---- requests ---- */
static size_t write_event(char *to, u64 stamp, u32 seq) {
    /* In a form '=' is legal inside a value, but ';' separates fields for some servers. */
    const char *token = opt.format == FORM ? "~t%%3D%016" PRIu64 "%%3Bs%%3D%08u%%3B" : "~t=%016" PRIu64 ";s=%08u;";
    static const char *const before[] = {"", "topic=%s&data=", "{\"topic\":\"%s\",\"data\":\"", "{\"topic\":\"%s\",\"data\":\""};
    static const char *const after[] = {"", "", "\"}", "\"}\n"};
    size_t n = 0, filler = opt.size - TOKEN_LEN;
    if (opt.format == FORM) n += sprintf(to, before[FORM], opt.topic);
    if (opt.format == JSON || opt.format == NDJSON) n += sprintf(to, before[JSON], opt.topic);
    memcpy(to + n, payload, filler);
    n += filler;
    n += sprintf(to + n, token, stamp, seq);
    return n + sprintf(to + n, "%s", after[opt.format]);
}
static void flush(void) {
    while (sent < nhead + nbody) {
        const char *from = sent < nhead ? head + sent : body + (sent - nhead);
        size_t left = sent < nhead ? nhead - sent : nhead + nbody - sent;
        ssize_t n = send(fd, from, left, MSG_NOSIGNAL | (sent < nhead ? MSG_MORE : 0));
        if (n < 0 && errno == EAGAIN) {
            watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, NO_STREAM);
            return;
        }
        if (n < 0) die("publish");
        sent += n;
    }
    watch(EPOLL_CTL_MOD, fd, EPOLLIN, NO_STREAM);
}
static void open_connection(void) {
    fd = tcp_connect(-1, 0, 0);
    connecting = 1;
    watch(EPOLL_CTL_ADD, fd, EPOLLOUT, NO_STREAM);
}
void publish(u64 stamp, int count) {
    nbody = sent = nanswer = 0;
    for (int i = 0; i < count; i++) {
        pub.at[pub.next] = stamp;
        nbody += write_event(body + nbody, stamp, pub.next++);
    }
    nhead = snprintf(head, HEAD_ROOM, "POST %s HTTP/1.1\r\nHost: %s:%d\r\n%sContent-Length: %zu\r\n\r\n", opt.pub_path,
                     opt.host, opt.port, opt.pub_headers, nbody);
    pub.busy = 1;
    if (fd < 0) open_connection();
    else flush();
}

/* ---- answers ---- */
struct answer {
    int code, close;
    int complete; /* its body has arrived */
};

static struct answer parse(const char *after_headers) {
    struct answer a = {.code = atoi(answer + 9)};
    size_t have = nanswer - (after_headers - answer);
    long length = -1;
    int chunked = 0;
    for (const char *line = answer; line < after_headers - 2; line = strstr(line, "\r\n") + 2) {
        if (!strncasecmp(line, "content-length:", 15)) length = atol(line + 15);
        if (!strncasecmp(line, "transfer-encoding: chunked", 26)) chunked = 1;
        if (!strncasecmp(line, "connection: close", 17)) a.close = 1;
    }
    if (a.code == 204) a.complete = 1;
    else if (chunked) a.complete = have >= 5 && !memcmp(answer + nanswer - 5, "0\r\n\r\n", 5);
    else a.complete = length < 0 || have >= (size_t)length;
    return a;
}
static void finished(int close_it) {
    pub.busy = 0;
    if (!opt.streams) pub.complete = pub.next; /* nobody to wait for */
    if (close_it) {
        close(fd);
        fd = -1;
    }
}
static void answered(void) {
    const char *end = strstr(answer, "\r\n\r\n");
    if (!end) return;
    struct answer a = parse(end + 4);
    if (!a.complete) return;
    if ((a.code < 200 || a.code > 299) && pub.errors++ < 3)
        fprintf(stderr, "sseload: publish answered %.300s\n", answer);
    finished(a.close);
}
void on_publisher(void) {
    if (connecting || sent < nhead + nbody) {
        connecting = 0;
        flush();
        return;
    }
    if (nanswer >= sizeof answer - 1) nanswer = sizeof answer / 2; /* receipts of a huge batch: keep the headers */
    ssize_t n = recv(fd, answer + nanswer, sizeof answer - 1 - nanswer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        pub.errors += pub.busy;
        finished(1);
        return;
    }
    nanswer += n;
    answer[nanswer] = 0;
    answered();
}

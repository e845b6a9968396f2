#define _GNU_SOURCE
#include "sseload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CARRY 64
#define MAX_LATENCIES (8u << 20)
#define STUCK_BUFFER 4096 /* bytes; the kernel doubles it */

enum { CONNECTING, HEADERS, OPEN, DEAD };

struct stream {
    int fd;
    uint8_t state, seen, ncarry, nstatus, blank; /* blank: how much of CR LF CR LF has been read */
    u32 last_seq, count;
    char status[16], carry[CARRY]; /* carry: a token's start, cut off at the end of a read */
};

struct tally tally;
int ep;
static struct stream *streams;
static int *stuck, pending;

/* ---- sockets ---- */
static void bind_source(int fd, int source) {
    /* One address has about 28,000 ports; several let more streams come and go. */
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1;
    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % opt.sources);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
}
int tcp_connect(int source, int blocking, int receive_buffer) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0), one = 1;
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (source >= 0 && opt.sources > 1) bind_source(fd, source);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
    if (inet_pton(AF_INET, opt.host, &to.sin_addr) != 1) die("--host must be an address");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    return fd;
}
void watch(int op, int fd, u32 events, u64 id) {
    struct epoll_event e = {.events = events, .data.u64 = id};
    if (epoll_ctl(ep, op, fd, &e) < 0) die("epoll_ctl");
}
static int send_request(int fd) {
    char text[8192];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n%s\r\n",
                     opt.path, opt.host, opt.port, opt.headers);
    return send(fd, text, n, MSG_NOSIGNAL) == n;
}

/* ---- a stream's life ---- */
void streams_alloc(void) {
    streams = calloc(opt.streams + 1, sizeof *streams);
    stuck = calloc(opt.stuck + 1, sizeof *stuck);
    tally.latencies = malloc(MAX_LATENCIES * sizeof *tally.latencies);
    if (!streams || !stuck || !tally.latencies) die("memory");
}
static void start(int i) {
    streams[i].fd = tcp_connect(i, 0, 0);
    streams[i].state = CONNECTING;
    watch(EPOLL_CTL_ADD, streams[i].fd, EPOLLOUT, i);
    pending++;
}
static void dead(struct stream *s, const char *why) {
    if (tally.dead++ < 5) fprintf(stderr, "sseload: stream lost: %s (status '%.15s')\n", why, s->status);
    if (s->state == OPEN) tally.open--;
    else pending--;
    s->state = DEAD;
    close(s->fd);
}
void streams_open(void) {
    int started = 0;
    tally.last_progress = now_ns();
    while (tally.open + tally.dead < opt.streams) {
        while (started < opt.streams && pending < opt.connecting) start(started++);
        int before = tally.open;
        turn(100);
        if (tally.open != before) tally.last_progress = now_ns();
        if (now_ns() - tally.last_progress > (u64)(opt.stall * 1e9)) break;
    }
    if (tally.open < opt.streams) fprintf(stderr, "sseload: only %d of %d streams open\n", tally.open, opt.streams);
}
void streams_stick(void) {
    for (int i = 0; i < opt.stuck; i++) {
        stuck[i] = tcp_connect(i, 1, STUCK_BUFFER);
        if (!send_request(stuck[i])) die("stuck stream");
    }
}
int streams_stuck_still_open(void) {
    int n = 0;
    for (int i = 0; i < opt.stuck; i++) {
        struct tcp_info info;
        socklen_t size = sizeof info;
        n += !getsockopt(stuck[i], IPPROTO_TCP, TCP_INFO, &info, &size) && info.tcpi_state == TCP_ESTABLISHED;
    }
    return n;
}
void streams_forget(u32 last_seq) {
    tally.delivered = tally.gaps = tally.dups = tally.nlatencies = tally.bytes = tally.reads = 0;
    for (int i = 0; i < opt.streams; i++) {
        streams[i].count = 0;
        streams[i].last_seq = last_seq;
        streams[i].seen = 1;
    }
}
int streams_complete(void) {
    int n = 0;
    for (int i = 0; i < opt.streams; i++) n += streams[i].count == (u32)opt.events;
    return n;
}

/* ---- tokens ---- */
static void everybody_has(u32 seq, u64 now) {
    pub.done_at[seq] = now;
    while (pub.complete < pub.next && pub.got[pub.complete] == (u32)opt.streams) pub.complete++;
}
static void token(struct stream *s, const char *p, u64 now) {
    u64 stamp = 0;
    u32 seq = 0;
    if (memcmp(p + 19, ";s=", 3) || p[30] != ';') {
        tally.bad_tokens++;
        return;
    }
    for (int i = 3; i < 19; i++) stamp = stamp * 10 + (p[i] - '0');
    for (int i = 22; i < 30; i++) seq = seq * 10 + (p[i] - '0');
    tally.last_progress = now;
    if (opt.check_seq && s->seen) {
        if (seq <= s->last_seq) { /* doubled, or out of order: then it was counted as a gap before */
            tally.dups++;
            return;
        }
        tally.gaps += seq - s->last_seq - 1;
    }
    s->seen = 1;
    s->last_seq = seq;
    s->count++;
    tally.delivered++;
    if (opt.publish && seq < pub.limit && ++pub.got[seq] == (u32)opt.streams) everybody_has(seq, now);
    if (tally.measuring && stamp && tally.nlatencies < MAX_LATENCIES) tally.latencies[tally.nlatencies++] = now - stamp;
}
static size_t finish_carried(struct stream *s, const char *p, size_t n, u64 now) {
    size_t take = TOKEN_LEN - s->ncarry;
    if (take > n) take = n;
    memcpy(s->carry + s->ncarry, p, take);
    s->ncarry += take;
    if (s->ncarry == TOKEN_LEN) {
        token(s, s->carry, now);
        s->ncarry = 0;
    }
    return take;
}
static void scan(struct stream *s, const char *p, size_t n, u64 now) {
    const char *end = p + n;
    if (s->ncarry) p += finish_carried(s, p, n, now);
    while (p < end && (p = memchr(p, '~', end - p))) {
        if (end - p < TOKEN_LEN) {
            s->ncarry = end - p;
            memcpy(s->carry, p, s->ncarry);
            return;
        }
        token(s, p, now);
        p += TOKEN_LEN;
    }
}

/* ---- reading ---- */
static void connected(struct stream *s, u64 id) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error || !send_request(s->fd)) {
        dead(s, error ? strerror(error) : "short send");
        return;
    }
    s->state = HEADERS;
    watch(EPOLL_CTL_MOD, s->fd, EPOLLIN | EPOLLRDHUP, id);
}
static const char *skip_headers(struct stream *s, const char *p, const char *end) {
    for (; p < end && s->blank < 4; p++) {
        if (s->nstatus < sizeof s->status - 1) s->status[s->nstatus++] = *p;
        s->blank = *p == "\r\n\r\n"[s->blank] ? s->blank + 1 : *p == '\r';
    }
    if (s->blank < 4) return p;
    if (memcmp(s->status + 9, "200", 3)) {
        dead(s, "not 200");
        return end;
    }
    s->state = OPEN;
    tally.open++;
    pending--;
    return p;
}
void on_stream(int i) {
    static char buffer[1 << 18];
    struct stream *s = &streams[i];
    if (s->state == CONNECTING) {
        connected(s, i);
        return;
    }
    if (s->state == DEAD) return;
    ssize_t n = recv(s->fd, buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        dead(s, n ? strerror(errno) : "closed by server");
        return;
    }
    u64 now = now_ns();
    tally.bytes += n;
    tally.reads++;
    const char *p = buffer, *end = buffer + n;
    if (s->blank < 4) p = skip_headers(s, p, end);
    if (p < end) scan(s, p, end - p, now);
}

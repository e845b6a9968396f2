/* The floor: one epoll thread that send()s one prepared chunk to every socket, and nothing else.
 *
 *     ./floor PORT
 *
 * GET /events subscribes, POST /publish sends the body to all, GET /gen?n=N streams N events to one client. */
#define _GNU_SOURCE
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

#define MAX_FD 65536
#define MAX_REQUEST 1024

struct peer {
    int subscribed, slot, nin;
    long to_generate;
    char *out; /* what a slow client has not taken yet */
    size_t nout;
    char in[MAX_REQUEST];
};
static struct peer *peers[MAX_FD];
static int subscribers[MAX_FD], nsubscribers, ep;
static char sample[256];
static size_t nsample;

static const char HEADERS[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n";
static const char DONE[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void watch(int op, int fd, unsigned events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    epoll_ctl(ep, op, fd, &e);
}
static void drop(int fd) {
    struct peer *p = peers[fd];
    if (p->subscribed) {
        subscribers[p->slot] = subscribers[--nsubscribers];
        peers[subscribers[p->slot]]->slot = p->slot;
    }
    free(p->out);
    free(p);
    peers[fd] = 0;
    close(fd);
}
static void keep(int fd, const char *bytes, size_t n) {
    struct peer *p = peers[fd];
    if (!p->nout) watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
    p->out = realloc(p->out, p->nout + n);
    memcpy(p->out + p->nout, bytes, n);
    p->nout += n;
}
static int put(int fd, const char *bytes, size_t n) { /* 0, or -1 if the client has gone */
    ssize_t sent = 0;
    if (!peers[fd]->nout) sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if ((size_t)sent < n) keep(fd, bytes + sent, n - sent);
    return 0;
}
static size_t encode(char *to, const char *body, size_t n) {
    int head = sprintf(to, "%zx\r\ndata: ", n + 8);
    memcpy(to + head, body, n);
    memcpy(to + head + n, "\n\n\r\n", 4);
    return head + n + 4;
}
static void generate(int fd) {
    struct peer *p = peers[fd];
    while (p->to_generate > 0 && !p->nout) {
        p->to_generate--;
        if (put(fd, sample, nsample)) return;
    }
}
static void publish(int fd, const char *body, size_t n) {
    char chunk[MAX_REQUEST + 64];
    size_t size = encode(chunk, body, n);
    for (int i = 0; i < nsubscribers;) {
        int to = subscribers[i];
        if (put(to, chunk, size)) drop(to); /* another takes its place in the list */
        else i++;
    }
    put(fd, DONE, sizeof DONE - 1);
}
static void request(int fd) {
    struct peer *p = peers[fd];
    p->in[p->nin] = 0;
    const char *body = strstr(p->in, "\r\n\r\n");
    if (!body) return;
    body += 4;
    if (!strncmp(p->in, "GET /events", 11)) {
        put(fd, HEADERS, sizeof HEADERS - 1);
        p->subscribed = 1;
        p->slot = nsubscribers;
        subscribers[nsubscribers++] = fd;
    } else if (!strncmp(p->in, "GET /gen?n=", 11)) {
        put(fd, HEADERS, sizeof HEADERS - 1);
        p->to_generate = atol(p->in + 11);
        generate(fd);
    } else if (!strncmp(p->in, "POST", 4)) {
        const char *length = strcasestr(p->in, "content-length:");
        size_t n = length ? (size_t)atol(length + 15) : 0;
        if ((size_t)(p->in + p->nin - body) < n) return;
        publish(fd, body, n);
    }
    p->nin = 0;
}
static void readable(int fd) {
    struct peer *p = peers[fd];
    ssize_t n = recv(fd, p->in + p->nin, sizeof p->in - 1 - p->nin, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        drop(fd);
        return;
    }
    p->nin += n;
    request(fd);
}
static void writable(int fd) {
    struct peer *p = peers[fd];
    ssize_t n = send(fd, p->out, p->nout, MSG_NOSIGNAL);
    if (n > 0) {
        memmove(p->out, p->out + n, p->nout - n);
        p->nout -= n;
    }
    if (p->nout) return;
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    generate(fd);
}
static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peers[fd] = calloc(1, sizeof(struct peer));
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}
static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) {
        perror("listen");
        exit(1);
    }
    return fd;
}
static void make_sample(void) {
    char body[192];
    memset(body, 'x', sizeof body);
    memcpy(body + 161, "~t=0000000000000000;s=00000000;", 31);
    nsample = encode(sample, body, sizeof body);
}
int main(int argc, char **argv) {
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 8000);
    make_sample();
    ep = epoll_create1(0);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (struct epoll_event ready[512];;) {
        int n = epoll_wait(ep, ready, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                accept_all(fd);
                continue;
            }
            if (peers[fd] && ready[i].events & EPOLLOUT && peers[fd]->nout) writable(fd);
            if (peers[fd] && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(fd);
        }
    }
}

#include "sseload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options opt = {
    .host = "127.0.0.1", .path = "/events", .pub_path = "/publish", .topic = "bench", .port = 8000,
    .streams = 1, .sources = 8, .connecting = 64, .events = 100, .batch = 1, .size = 192, .prime = 5,
    .publish = 1, .check_seq = 1, .settle = 0.3, .tail = 0.1, .stall = 30,
};

static const char HELP[] =
    "usage: sseload [options]\n"
    "  --host A --port P --path /events   where the streams are\n"
    "  -H 'Name: v'         extra header of a stream's request (repeatable)\n"
    "  -n N                 streams; with 0 a publication counts as soon as it is answered\n"
    "  -k K                 source addresses, 127.0.0.1 to 127.0.0.K\n"
    "  -c C                 connects in flight\n"
    "  --stuck K            further streams that have a small receive buffer and never read\n"
    "  -e E                 events to measure\n"
    "  -b K                 events in one POST (needs --format ndjson if it is more than 1)\n"
    "  -w W                 events in flight (closed loop; default: one POST's)\n"
    "  --rate R             events a second (open loop, stamped with the time they are due)\n"
    "  --size B             payload bytes\n"
    "  --prime P            POSTs to warm up with\n"
    "  --pub-path /publish --pub-header 'Name: v' --topic T\n"
    "  --format F           plain: the payload is the body; form, json, ndjson: topic and data\n"
    "  --no-publish         the server sends by itself; expect E events on every stream\n"
    "  --no-seq             do not check sequence numbers\n"
    "  --settle S --tail S --hold S       idle before, after, and with all streams open\n"
    "  --stall S            give up after S seconds without progress\n"
    "  --pids p,p,...       processes whose CPU and memory to account\n";

static const char *const TYPES[] = {"text/plain", "application/x-www-form-urlencoded", "application/json",
                                    "application/x-ndjson"};

static void refuse(const char *why) {
    fprintf(stderr, "sseload: %s\n%s", why, HELP);
    exit(1);
}
static void add_header(char *to, size_t room, const char *header) {
    size_t used = strlen(to);
    if ((size_t)snprintf(to + used, room - used, "%s\r\n", header) >= room - used) refuse("too many headers");
}
static enum format format_of(const char *name) {
    static const char *const names[] = {"plain", "form", "json", "ndjson"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i])) return (enum format)i;
    refuse("--format is plain, form, json or ndjson");
    return PLAIN;
}
static void read_pids(char *list) {
    for (char *p = strtok(list, ","); p && opt.npids < MAX_PIDS; p = strtok(0, ",")) opt.pids[opt.npids++] = atoi(p);
}
static void check(void) {
    char type[128];
    if (!opt.window) opt.window = opt.batch;
    if (opt.size < TOKEN_LEN || opt.size > 60000) refuse("--size is out of range");
    if (opt.batch < 1 || opt.window < opt.batch) refuse("-w must be at least -b, and that at least 1");
    if (opt.batch > 1 && opt.format != NDJSON) refuse("-b needs --format ndjson");
    snprintf(type, sizeof type, "Content-Type: %s", TYPES[opt.format]);
    add_header(opt.pub_headers, sizeof opt.pub_headers, type);
}

void read_options(int argc, char **argv) {
    enum { HOST = 256, PORT, PATH, STUCK, RATE, SIZE, PRIME, PUB_PATH, PUB_HEADER, TOPIC, FORMAT, NO_PUBLISH, NO_SEQ,
           SETTLE, TAIL, HOLD, STALL, PIDS, USAGE };
    static const struct option names[] = {
        {"host", 1, 0, HOST}, {"port", 1, 0, PORT}, {"path", 1, 0, PATH}, {"stuck", 1, 0, STUCK},
        {"rate", 1, 0, RATE}, {"size", 1, 0, SIZE}, {"prime", 1, 0, PRIME}, {"pub-path", 1, 0, PUB_PATH},
        {"pub-header", 1, 0, PUB_HEADER}, {"topic", 1, 0, TOPIC}, {"format", 1, 0, FORMAT},
        {"no-publish", 0, 0, NO_PUBLISH}, {"no-seq", 0, 0, NO_SEQ}, {"settle", 1, 0, SETTLE},
        {"tail", 1, 0, TAIL}, {"hold", 1, 0, HOLD}, {"stall", 1, 0, STALL}, {"pids", 1, 0, PIDS},
        {"help", 0, 0, USAGE}, {0, 0, 0, 0}};
    int o;
    while ((o = getopt_long(argc, argv, "n:k:c:e:b:w:H:", names, 0)) != -1) switch (o) {
        case HOST: opt.host = optarg; break;
        case PORT: opt.port = atoi(optarg); break;
        case PATH: opt.path = optarg; break;
        case STUCK: opt.stuck = atoi(optarg); break;
        case RATE: opt.rate = atof(optarg); break;
        case SIZE: opt.size = atoi(optarg); break;
        case PRIME: opt.prime = atoi(optarg); break;
        case PUB_PATH: opt.pub_path = optarg; break;
        case PUB_HEADER: add_header(opt.pub_headers, sizeof opt.pub_headers, optarg); break;
        case TOPIC: opt.topic = optarg; break;
        case FORMAT: opt.format = format_of(optarg); break;
        case NO_PUBLISH: opt.publish = opt.prime = 0; break;
        case NO_SEQ: opt.check_seq = 0; break;
        case SETTLE: opt.settle = atof(optarg); break;
        case TAIL: opt.tail = atof(optarg); break;
        case HOLD: opt.hold = atof(optarg); break;
        case STALL: opt.stall = atof(optarg); break;
        case PIDS: read_pids(optarg); break;
        case USAGE: fputs(HELP, stdout); exit(0);
        case 'H': add_header(opt.headers, sizeof opt.headers, optarg); break;
        case 'n': opt.streams = atoi(optarg); break;
        case 'k': opt.sources = atoi(optarg); break;
        case 'c': opt.connecting = atoi(optarg); break;
        case 'e': opt.events = atoi(optarg); break;
        case 'b': opt.batch = atoi(optarg); break;
        case 'w': opt.window = atoi(optarg); break;
        default: refuse("unknown option");
        }
    check();
}

"""
All figures of the table, in order.
"""

from collections.abc import Sequence

from benchmarks.figure import Figure, Target, at_most, times
from benchmarks.sizes import Sizes

__all__ = ["all_figures"]


def all_figures(sizes: Sizes) -> list[Figure]:
    """
    Every row, in the order of the table.
    """
    return [
        *_fanout(sizes),
        *_throughput(sizes),
        *_connections(sizes),
        *_replay(sizes),
        *_latency(sizes),
        *_slow_readers(sizes),
        *_reactor(sizes),
        *_publishing(),
        *_wire(),
        *_history(sizes),
        *_stores(sizes),
        *_templates(sizes),
        *_http2(sizes),
        *_generator(sizes),
        *_runs(sizes),
    ]


def _fanout(sizes: Sizes) -> Sequence[Figure]:
    ways = (
        ("1", "one at a time", times(1.2)),
        ("8", "8 in flight", None),
        ("b10", "bursts of 10", times(0.25)),
        ("b100", "bursts of 100", times(0.08)),
    )
    return [
        Figure(
            f"CPU per delivered event, {count:,} connections, {title}",
            *(f"{group}-{way}", "cpu_us_per_delivery", "µs"),
            base=("floor", f"{group}-{way}"),
            target=target,
        )
        for group, count in (("few", sizes.few), ("many", sizes.many))
        for way, title, target in ways
    ]


def _throughput(sizes: Sizes) -> Sequence[Figure]:
    key, unit, where = "deliveries_per_s", "thousand/s", f"{sizes.few:,} connections"
    return [
        Figure(f"Deliveries, {where}, one at a time", "few-1", key, unit, 1000, ("floor", "few-1")),
        Figure(f"Deliveries, {where}, 8 in flight", "few-8", key, unit, 1000, ("floor", "few-8")),
        Figure(
            f"Deliveries, {where}, bursts of 100",
            "few-b100",
            key,
            unit,
            1000,
            ("floor", "few-b100"),
        ),
    ]


def _connections(sizes: Sizes) -> Sequence[Figure]:
    memory, floor = "rss_per_stream_b", ("floor", "idle")
    tls = f"TLS, {sizes.encrypted:,} connections"
    return [
        Figure(
            f"Memory per idle connection, HTTP/1.1, {sizes.many:,} connections",
            *("idle", memory, "KiB", 1024, floor, at_most(5)),
        ),
        Figure(
            f"Memory per idle connection, {tls}",
            *("idle-tls", memory, "KiB", 1024, None, at_most(32)),
        ),
        Figure(
            "CPU to accept a stream, request to first bytes",
            *("idle", "connect_cpu_us", "µs", 1, floor, at_most(110)),
        ),
        Figure(f"CPU to accept a stream, {tls}", "idle-tls", "connect_cpu_us", "µs"),
    ]


def _replay(sizes: Sizes) -> Sequence[Figure]:
    title = f"Replay, {sizes.few:,} clients {sizes.behind} events behind, CPU per event"
    return [
        Figure(f"{title} above connecting", "replay", "net_us", "µs", 1, None, at_most(0.5)),
        Figure(f"{title}, connecting included", "replay", "gross_us", "µs"),
    ]


def _latency(sizes: Sizes) -> Sequence[Figure]:
    title, base = f"Latency, 10 events/s to {sizes.few:,} clients", ("floor", "gentle")
    return [
        Figure(f"{title}, p50", "gentle", "lat_us.p50", "ms", 1000, base),
        Figure(f"{title}, p99", "gentle", "lat_us.p99", "ms", 1000, base, times(1.2)),
        Figure(f"{title}, last client, p50", "gentle", "last_client_us.p50", "ms", 1000, base),
        Figure(f"{title}, last client, p99", "gentle", "last_client_us.p99", "ms", 1000, base),
    ]


def _slow_readers(sizes: Sizes) -> Sequence[Figure]:
    title = f"100 clients that never read, 200 kB/s for {sizes.slow_seconds} s"
    without = ("hub", "slow-without")
    return [
        Figure(
            f"{title}, growth of memory", "slow-with", "growth_kb", "MiB", 1024, None, at_most(20)
        ),
        Figure(
            "Growth of memory in the same run without them",
            "slow-without",
            "growth_kb",
            "MiB",
            1024,
        ),
        # The target is "unchanged"; two runs of the same differ by up to a fifth.
        Figure(
            f"{title}, p99 latency of 100 others (ratio: to the run without them)",
            *("slow-with", "lat_us.p99", "ms", 1000, without, times(1.2)),
        ),
    ]


def _reactor(sizes: Sizes) -> Sequence[Figure]:
    title = f"Longest time the reactor is held, {sizes.crowd:,} connections"
    return [
        Figure(f"{title}, 100 events/s", "crowd", "held_ms", "ms", 1, None, at_most(20)),
        Figure(f"{title}, while they connect and leave", "crowd", "held_accepting_ms", "ms"),
        Figure("Longest garbage collection at 100 events/s", "crowd", "collecting_ms", "ms"),
        Figure("Longest wait for /healthz in the same run", "crowd", "answered_ms", "ms"),
    ]


def _publishing() -> Sequence[Figure]:
    rate, cpu = "events_per_s", "cpu_us_per_event"
    floor, beside = ("floor", "publish-1"), ("floor", "publish-batch")
    return [
        Figure("Publications over HTTP, one by one (a form)", "publish-1", rate, "/s", 1, floor),
        Figure("CPU per publication, one by one", "publish-1", cpu, "µs", 1, floor),
        Figure("Publications over HTTP, NDJSON of 100", "publish-batch", rate, "/s", 1, beside),
        Figure("CPU per publication, NDJSON of 100", "publish-batch", cpu, "µs", 1, beside),
    ]


def _wire() -> Sequence[Figure]:
    return [
        Figure("Events encoded", "wire", "encoded_per_s", "thousand/s", 1000),
        Figure("Events decoded", "wire", "decoded_per_s", "thousand/s", 1000),
        *_decoding(),
    ]


def _decoding() -> Sequence[Figure]:
    small, rate, fold = "Events of 45 bytes decoded", ("thousand/s", 1000.0, None), "\u00d7"
    faster = Target(1, "value", least=True)
    # Linear growth is 4, or a little more beyond the CPU's caches; quadratic growth would be 16.
    linear = at_most(8)
    lines, line = "An event of 40,000 lines", "A line of 8 MB in chunks of 1 kB"
    return [
        Figure(small, "decoding", "small_ours_per_s", *rate, Target(700, "value", least=True)),
        Figure(f"{small} by httpx-sse", "decoding", "small_httpx_sse_per_s", *rate),
        Figure(f"{small} by sseclient-py", "decoding", "small_sseclient_per_s", *rate),
        Figure(f"{small}, as times httpx-sse", "decoding", "times_httpx_sse", fold, target=faster),
        Figure(
            f"{small}, as times sseclient-py", "decoding", "times_sseclient", fold, target=faster
        ),
        Figure(f"{lines} decoded", "decoding", "lines_ms", "ms"),
        Figure(f"{lines}, as times 10,000", "decoding", "lines_times", fold, target=linear),
        Figure(f"{line} decoded", "decoding", "line_ms", "ms"),
        Figure(f"{line}, as times 2 MB", "decoding", "line_times", fold, target=linear),
    ]


def _history(sizes: Sizes) -> Sequence[Figure]:
    rate, few = "/s", f"{sizes.few:,} connections"
    least = Target(20, "value", least=True)
    title = f"Finding {sizes.behind} missed events in {sizes.large_store:,}"
    small = f"as times the same in {sizes.small_store:,}"
    resumes = [
        row
        for key, where in (("topic", "of one topic"), ("all", "of all topics"))
        for clock, what in (("cpu", "CPU"), ("wall", "on the wall"))
        for row in (
            Figure(f"{title}, {where}, {what}", "resume", f"{key}_{clock}_us", "µs"),
            Figure(
                f"{title}, {where}, {what}, {small}",
                *("resume", f"{key}_{clock}_times", "\u00d7"),
                target=at_most(2),
            ),
        )
    ]
    return [
        Figure("Publications kept by SQLite, 100 publishers", "commits", "many_per_s", rate),
        Figure("Publications kept by SQLite, one publisher", "commits", "one_per_s", rate),
        Figure("The first as times the second", "commits", "many_times", "\u00d7", target=least),
        *resumes,
        # The peer in this row is the hub with its history in memory.
        Figure(
            f"CPU per delivered event, {few}, one at a time, kept by SQLite",
            *("kept-1", "cpu_us_per_delivery", "µs", 1, ("floor", "kept-1")),
            server="hub-sqlite",
        ),
    ]


def _stores(sizes: Sizes) -> Sequence[Figure]:
    few, times_of, fold = f"{sizes.few:,} connections", Target(10, "value", least=True), "\u00d7"
    title = f"PostgreSQL finding {sizes.behind} missed events in {sizes.large_store:,}"
    small = f"on the wall, as times the same in {sizes.small_store:,}"
    names = {"redis": "Redis", "postgres": "PostgreSQL"}
    commits = [
        row
        for key, name in names.items()
        for row in (
            Figure(
                f"Publications kept by {name}, 100 publishers",
                *(f"commits-{key}", "many_per_s", "/s"),
            ),
            Figure(
                f"The same by {name} as times one publisher",
                *(f"commits-{key}", "many_times", fold),
                target=times_of,
            ),
        )
    ]
    deliveries = [
        Figure(
            f"CPU per delivered event, {few}, kept by {name}, as times in memory",
            *("kept-stores", f"{key}_times", fold),
        )
        for key, name in names.items()
    ]
    commit = "From a commit with SQL to a subscriber, p50"
    return [
        *commits,
        *(
            Figure(f"{title}, {where}, {small}", *("resume-postgres", key, fold), target=at_most(2))
            for key, where in (("topic_wall_times", "one topic"), ("all_wall_times", "all topics"))
        ),
        *deliveries,
        Figure(f"{commit}, by poll", "transactions", "poll_p50_ms", "ms", target=at_most(30)),
        Figure(f"{commit}, with notify", "transactions", "notify_p50_ms", "ms", target=at_most(8)),
        Figure(
            "A transaction of 16 committers that publishes, as times one that does not",
            *("transactions", "cost_times", fold),
            target=at_most(1.4),
        ),
        Figure(
            "Longest time the reactor is held while PostgreSQL stalls for 10 s",
            *("stall", "held_ms", "ms"),
            target=at_most(20),
        ),
    ]


def _templates(sizes: Sizes) -> Sequence[Figure]:
    title = f"A publication to {sizes.templates:,} templates"
    shapes = {
        "endings": "that end otherwise",
        "letters": "with three literals at random",
        "common": "with three literals at random that end like it",
        "matching": "that all match",
    }
    replays = {"all": "all", "hundredth": "a hundredth", "none": "none"}
    stores = {"few": 1_000, "many": sizes.template_store // 2}
    return [
        *(
            Figure(
                f"{title} {shape}, topic of {length:,} characters, CPU",
                *("templates", f"{key}_{length}_ms", "ms"),
                target=at_most(1) if length == 100 else None,
            )
            for key, shape in shapes.items()
            for length in (100, 4_000)
        ),
        *(
            Figure(
                f"Replay by a template that matches {part} of {topics:,} topics, CPU per stored"
                " event",
                *("templates", f"{store}_{replay}_us", "µs"),
                target=at_most(15),
            )
            for store, topics in stores.items()
            for replay, part in replays.items()
        ),
    ]


def _http2(sizes: Sizes) -> Sequence[Figure]:
    size = f"{sizes.h2_connections} TLS connections with {sizes.h2_streams} streams each"
    title, ours = f"HTTP/2, {size}, CPU per delivered event", "hub-tls"
    cost = ("http2-1", "cpu_us_per_delivery", "µs", 1.0)
    return [
        Figure(
            f"{title} (ratio: to naive Twisted)",
            *(*cost, ("twisted-naive-tls", "http2-1"), times(0.25), ours),
        ),
        Figure(
            f"{title} (ratio: to Hypercorn)", *(*cost, ("hypercorn", "http2-1"), times(1), ours)
        ),
        Figure(
            f"HTTP/2, {size}, memory per idle stream",
            *("http2-idle", "rss_per_stream_b", "KiB", 1024, None, at_most(8), ours),
        ),
        Figure(
            f"HTTP/2, {size}, CPU to accept a stream",
            *("http2-idle", "connect_cpu_us", "µs"),
            server=ours,
        ),
        *(
            Figure(
                f"HTTP/2, a client with {window} at 100 events/s, CPU above that without it",
                *(kind, "core_percent", "% of a core", 1, None, at_most(1), ours),
            )
            for kind, window in (
                ("http2-blocked", "a window of 0 bytes"),
                ("http2-exhausted", "a window that is used up"),
            )
        ),
    ]


def _generator(sizes: Sizes) -> Sequence[Figure]:
    title = f"A generator's stream of {sizes.generated:,} events to one client"
    cost, rate = ("generator", "cpu_us_per_event", "µs"), ("generator", "events_per_s")
    base, ours = ("floor", "generator"), "hub-generator"
    return [
        Figure(f"{title}, CPU per event", *cost, 1, base, times(1.8), ours),
        Figure(f"{title}, events", *rate, "thousand/s", 1000, base, None, ours),
    ]


def _runs(sizes: Sizes) -> Sequence[Figure]:
    side = f"{sizes.run_streams} side by side, 50 tokens/s each, one reader each, CPU per token"
    new = f"A new run, from beginning to end, with {sizes.many_runs:,} finished ones in the store"
    return [
        figure
        for key, where in (("memory", "in memory"), ("sqlite", "in SQLite"))
        for figure in (
            Figure(
                f"First token of a run {where}, median, after that of a plain generator",
                *("runs", f"{key}_later_ms", "ms"),
                target=at_most(5),
            ),
            Figure(f"Runs {where}, {side}", "runs", f"{key}_run_token_us", "µs"),
            Figure(
                f"Plain generators in the same process, {side}",
                *("runs", f"{key}_plain_token_us", "µs"),
            ),
            Figure(f"{new}, {where}, CPU", "runs", f"{key}_many_cpu_us", "µs"),
            Figure(
                f"The same, as times that with {sizes.few_runs}",
                *("runs", f"{key}_many_times", "\u00d7"),
                target=at_most(1.3),
            ),
        )
    ]

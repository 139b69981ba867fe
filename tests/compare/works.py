"""What is measured. A work is a key, the figures it yields and a function (Bench, Running, Effort) -> {figure key:
value}; adding one is a function and an entry in WORKS. A figure that does not exist for a contestant is left out of
the answer."""

import dataclasses
import re
import subprocess
import time
from typing import Callable

import stage as staging
import standing

SMALL, MEDIUM, BULK, SHARE, ENDLESS, SINK = "/1k", "/100k", "/bulk", "/share", "/endless", "/sink"
DOWNLOADERS = 8
FAST, SLOW, BESIDE = 2, 4, 4
GIB = 1024 * staging.MIB


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    label: str
    unit: str
    more_is_better: bool
    digits: int = 0


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much each measurement does."""

    rounds: int
    warm_up_seconds: int
    load_seconds: int
    lone_seconds: int
    bulk_mib: int
    idle_visitors: int
    settle_seconds: int


@dataclasses.dataclass(frozen=True)
class Work:
    key: str
    figures: list
    measure: Callable
    # For what takes long and hardly varies.
    most_rounds: int = 1_000
    # Its visitors come by HTTPS; whoever has none sits it out.
    is_secure: bool = False


QUICK = Effort(rounds=2, warm_up_seconds=8, load_seconds=1, lone_seconds=1, bulk_mib=128, idle_visitors=1_000, settle_seconds=1)
FULL = Effort(rounds=5, warm_up_seconds=8, load_seconds=4, lone_seconds=3, bulk_mib=1024, idle_visitors=10_000, settle_seconds=8)


class Bench:
    """Tools the works share."""

    def __init__(self, stage):
        self.stage = stage
        (self._curl,) = staging.need("curl")
        self.bulk_file = stage.folder("files") / BULK[1:]

    def load(self, running, path, visitors, seconds, headers=()):
        load = staging.wrk(self.stage, running.url(path), running.host, visitors, seconds, headers)
        if load.errors or not load.requests:
            raise staging.Failure(f"{load.requests} requests, {load.socket_errors} socket errors, "
                                  f"{load.status_errors} wrong statuses, {load.timeouts} timeouts")
        return load

    def curl(self, running, path, wanted, *more):
        """A command that fetches to nowhere and prints what curl calls the `wanted` variables, in one line."""
        return [self._curl, "-sS", "--fail", "--noproxy", "*", "-o", "/dev/null", "-H", f"Host: {running.host}",
                "-w", " ".join(f"%{{{name}}}" for name in wanted) + "\n", *more, running.url(path)]

    def transfer(self, running, path, size, *more, copies=1):
        """Megabytes per second of some curls that each move `size` bytes."""
        command = self.curl(running, path, ["size_download", "size_upload"], "--max-time", "300", *more)
        started = time.monotonic()
        under_way = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      preexec_fn=staging.die_with_parent) for _ in range(copies)]
        said = [one.communicate()[0] for one in under_way]
        seconds = time.monotonic() - started
        for one, text in zip(under_way, said):
            sizes = re.match(r"(\d+) (\d+)\s*$", text)
            if one.returncode or not sizes or max(int(sizes[1]), int(sizes[2])) != size:
                raise staging.Failure(f"curl moved {text.strip()} bytes instead of {size}, exit code {one.returncode}")
        return size * copies / seconds / 1e6

    def download(self, running, effort):
        return self.transfer(running, BULK, effort.bulk_mib * staging.MIB)


def _cpu(key, before, running, share):
    """CPU seconds since `before` for a unit of which `share` was done: both ends, and each."""
    after = running.cpu_seconds()
    used = [(after[role] - before[role]) / share for role in after]
    return dict(zip((key, f"{key}-near", f"{key}-far"), [sum(used), *used])) if used else {}


def _cpu_figures(key, text):
    return [
        Figure(key, f"CPU {text}, both ends", "s", False, 2),
        Figure(f"{key}-near", "the visitor's end of it (server, outer proxy)", "s", False, 2),
        Figure(f"{key}-far", "the origin's end of it (agent, inner proxy)", "s", False, 2),
    ]


def many_small(bench, running, effort):
    before = running.cpu_seconds()
    load = bench.load(running, SMALL, 64, effort.load_seconds)
    return {"small64": load.per_second, "small64-p99": load.p99 / 1000, **_cpu("cpu", before, running, load.requests / 100_000)}


def one_small(bench, running, effort):
    return {"small1": bench.load(running, SMALL, 1, effort.lone_seconds).p50 / 1000}


def crowded_small(bench, running, effort):
    load = bench.load(running, SMALL, 512, effort.load_seconds)
    return {"small512": load.per_second, "small512-p99": load.p99 / 1000}


def fresh_connections(bench, running, effort):
    return {"fresh": bench.load(running, SMALL, 64, effort.load_seconds, ["Connection: close"]).per_second}


def kept_secure(bench, running, effort):
    before = running.cpu_seconds()
    load = bench.load(running, SMALL, 64, effort.load_seconds)
    return {"https": load.per_second, **_cpu("https-cpu", before, running, load.requests / 100_000)}


def fresh_secure(bench, running, effort):
    return {"https-fresh": bench.load(running, SMALL, 64, effort.load_seconds, ["Connection: close"]).per_second}


def medium(bench, running, effort):
    return {"medium": bench.load(running, MEDIUM, 64, effort.load_seconds).per_second}


def bulk_down(bench, running, effort):
    before = running.cpu_seconds()
    speed = bench.download(running, effort)
    return {"bulk": speed, **_cpu("bulk-cpu", before, running, effort.bulk_mib * staging.MIB / GIB)}


def bulk_shared(bench, running, effort):
    return {"bulk8": bench.transfer(running, SHARE, effort.bulk_mib * staging.MIB // DOWNLOADERS, copies=DOWNLOADERS)}


def bulk_up(bench, running, effort):
    before = running.cpu_seconds()
    speed = bench.transfer(running, SINK, effort.bulk_mib * staging.MIB, "-T", str(bench.bulk_file), "-H", "Expect:")
    return {"up": speed, **_cpu("up-cpu", before, running, effort.bulk_mib * staging.MIB / GIB)}


def beside_bulk(bench, running, effort):
    """What the downloads get meanwhile is a figure too: nobody looks good by starving them."""
    seconds = effort.load_seconds + 2
    slow = [bench.stage.start("slow", bench.curl(running, ENDLESS, ["size_download"], "--limit-rate", "100k")) for _ in range(SLOW)]
    fast = [bench.stage.start("fast", bench.curl(running, ENDLESS, ["speed_download"], "--max-time", str(seconds))) for _ in range(FAST)]
    try:
        time.sleep(1)
        load = bench.load(running, SMALL, BESIDE, effort.load_seconds)
        if not all(one.is_running for one in slow + fast):
            raise staging.Failure("a download beside the small requests ended early")
        speeds = [float(one.wait_line(r"^(\d+)$", seconds + 10)[0][1]) for one in fast]
        return {"mixed-p99": load.p99 / 1000, "mixed": load.per_second, "mixed-bulk": sum(speeds) / 1e6}
    finally:
        for one in slow + fast:
            one.stop()


WORKS = [
    Work("small64", [
        Figure("small64", "small GET, 64 visitors", "req/s", True),
        Figure("small64-p99", "the same, p99", "ms", False, 2),
        *_cpu_figures("cpu", "for 100,000 of them"),
    ], many_small),
    Work("small1", [Figure("small1", "small GET, 1 visitor, p50", "ms", False, 3)], one_small),
    Work("small512", [
        Figure("small512", "small GET, 512 visitors", "req/s", True),
        Figure("small512-p99", "the same, p99", "ms", False, 2),
    ], crowded_small),
    Work("fresh", [Figure("fresh", "small GET, 64 visitors, a new connection each", "req/s", True)], fresh_connections),
    Work("https", [
        Figure("https", "HTTPS, small GET, 64 visitors (nginx: once)", "req/s", True),
        *_cpu_figures("https-cpu", "for 100,000 of them"),
    ], kept_secure, is_secure=True),
    Work("https-fresh", [
        Figure("https-fresh", "HTTPS, a new connection each (nginx: once)", "req/s", True),
    ], fresh_secure, is_secure=True),
    Work("medium", [Figure("medium", "100 KiB, 64 visitors", "req/s", True)], medium),
    Work("bulk", [
        Figure("bulk", "bulk down, 1 visitor", "MB/s", True),
        *_cpu_figures("bulk-cpu", "for 1 GiB of it"),
    ], bulk_down),
    Work("bulk8", [Figure("bulk8", f"bulk down, {DOWNLOADERS} visitors, together", "MB/s", True)], bulk_shared),
    Work("up", [
        Figure("up", "bulk up, 1 visitor", "MB/s", True),
        *_cpu_figures("up-cpu", "for 1 GiB of it"),
    ], bulk_up),
    Work("mixed", [
        Figure("mixed-p99", f"small GET, {BESIDE} visitors, beside {FAST} full-speed downloads and {SLOW} slow readers, p99", "ms", False, 2),
        Figure("mixed", "the same, small GETs", "req/s", True),
        Figure("mixed-bulk", "the same, the downloads together", "MB/s", True),
    ], beside_bulk),
    Work("startup", [
        Figure("ready-near", "server: start to ready", "ms", False),
        Figure("ready-far", "agent: start to tunnel up", "ms", False),
    ], standing.start_up),
    Work("memory", [
        Figure("rest-near", "resident at rest, the visitor's end", "MiB", False, 1),
        Figure("rest-far", "resident at rest, the origin's end", "MiB", False, 1),
        Figure("peak-near", "highest under small GETs from 64 visitors, the visitor's end", "MiB", False, 1),
        Figure("peak-far", "the same, the origin's end", "MiB", False, 1),
        Figure("crowd-near", "resident with the idle visitors, the visitor's end", "MiB", False, 1),
        Figure("crowd-far", "the same, the origin's end", "MiB", False, 1),
        Figure("visitor-near", "each idle visitor, the visitor's end", "bytes", False),
        Figure("visitor-far", "the same, the origin's end", "bytes", False),
    ], standing.memory, most_rounds=2),
]

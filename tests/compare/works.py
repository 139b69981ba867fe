"""What is measured. A work is a key, the figures it yields and a function (Bench, Running, Effort) -> {figure key:
value}; adding one is a function and an entry in WORKS. A figure that does not exist for a contestant is left out of
the answer."""

import dataclasses
import re
import subprocess
from typing import Callable

import stage as staging

SMALL, MEDIUM, BULK = "/1k", "/100k", "/bulk"


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    label: str
    unit: str
    more_is_better: bool
    digits: int = 0


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long each measurement runs."""

    rounds: int
    warm_up_seconds: int
    load_seconds: int
    lone_seconds: int
    bulk_mib: int


@dataclasses.dataclass(frozen=True)
class Work:
    key: str
    figures: list
    measure: Callable


QUICK = Effort(rounds=2, warm_up_seconds=3, load_seconds=3, lone_seconds=1, bulk_mib=256)
FULL = Effort(rounds=7, warm_up_seconds=8, load_seconds=6, lone_seconds=3, bulk_mib=512)


class Bench:
    """Tools the works share."""

    def __init__(self, stage):
        self.stage = stage
        (self._curl,) = staging.need("curl")

    def load(self, running, path, visitors, seconds):
        load = staging.wrk(self.stage, running.url(path), running.host, visitors, seconds)
        if load.errors or not load.requests:
            raise staging.Failure(f"{load.requests} requests, {load.socket_errors} socket errors, "
                                  f"{load.status_errors} wrong statuses, {load.timeouts} timeouts")
        return load

    def download(self, running, path):
        """Bytes per second, and bytes."""
        done = subprocess.run(
            [self._curl, "-sS", "--fail", "--noproxy", "*", "--max-time", "300", "-o", "/dev/null", "-H", f"Host: {running.host}",
             "-w", "%{speed_download} %{size_download}", running.url(path)],
            capture_output=True, text=True, check=False)
        match = re.match(r"([\d.]+) (\d+)$", done.stdout)
        if done.returncode or not match:
            raise staging.Failure(f"curl: {done.stdout} {done.stderr}")
        return float(match[1]), int(match[2])


def many_small(bench, running, effort):
    before = {role: staging.cpu_seconds(pid) for role, pid in running.pids.items()}
    load = bench.load(running, SMALL, 64, effort.load_seconds)
    used = {role: (staging.cpu_seconds(pid) - before[role]) / load.requests * 100_000 for role, pid in running.pids.items()}
    figures = {"small64": load.per_second, "small64-p99": load.p99 / 1000}
    if used:
        near, far = used.values()
        figures |= {"cpu": near + far, "cpu-near": near, "cpu-far": far}
    return figures


def one_small(bench, running, effort):
    return {"small1": bench.load(running, SMALL, 1, effort.lone_seconds).p50 / 1000}


def bulk_down(bench, running, effort):
    speed, size = bench.download(running, BULK)
    if size != effort.bulk_mib * staging.MIB:
        raise staging.Failure(f"{size} bytes instead of {effort.bulk_mib} MiB")
    return {"bulk": speed / 1e6}


WORKS = [
    Work("small64", [
        Figure("small64", "small GET, 64 visitors", "req/s", True),
        Figure("small64-p99", "the same, p99", "ms", False, 2),
        Figure("cpu", "CPU for 100,000 of them, both ends", "s", False, 2),
        Figure("cpu-near", "CPU of the visitor's end (server, outer nginx)", "s", False, 2),
        Figure("cpu-far", "CPU of the origin's end (agent, inner nginx)", "s", False, 2),
    ], many_small),
    Work("small1", [Figure("small1", "small GET, 1 visitor, p50", "ms", False, 3)], one_small),
    Work("bulk", [Figure("bulk", "one bulk download", "MB/s", True)], bulk_down),
]

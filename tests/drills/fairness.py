"""Small requests beside one visitor that reads at 100 KiB/s and two at full speed; then what visitors cost that stop
reading altogether. Figures, not verdicts: only errors and the absurd fail."""

import os
import socket
import time

import stage as staging

SMALL_VISITORS = 4
ABSURD_RATIO = 50
# Microseconds. Below these the noise of a busy machine alone makes any ratio.
LEAST_P50, LEAST_P99 = 1_000, 10_000
STALLED = 16
# A stream's window grows to 8 MiB at most; twice that for one stalled visitor would mean that nothing bounds it.
ABSURD_STALL_MIB = 16


def run(stage, binaries, report, options):
    (curl,) = staging.need("curl")
    seconds = 2 if options.short else 15
    folder = stage.folder("files")
    (folder / "small").write_bytes(os.urandom(1024))
    staging.sparse_file(folder / "bulk", 1024 * 1024 * staging.MIB)
    origin = stage.nginx("origin", staging.files_server(folder))
    tunnel = stage.tunnel(binaries, origin.port)

    def small(port, host):
        return staging.wrk(stage, f"http://127.0.0.1:{port}/small", host, SMALL_VISITORS, seconds)

    def slow_down(name, port, host):
        """Small requests alone, beside a slow reader, and beside two more at full speed."""
        visitor = [curl, "-sS", "--noproxy", "*", "-o", os.devnull, "-H", f"Host: {host}", f"http://127.0.0.1:{port}/bulk"]
        alone = small(port, host)
        report.figure(describe(f"{name}, unloaded", alone))
        others = [stage.start(f"{name}-slow", [*visitor, "--limit-rate", "100k"])]
        time.sleep(1)
        beside_slow = small(port, host)
        report.figure(describe(f"{name}, beside a reader at 100 KiB/s", beside_slow))
        others += [stage.start(f"{name}-fast-{number}", visitor) for number in range(2)]
        time.sleep(1)
        loaded = small(port, host)
        report.figure(describe(f"{name}, and two at full speed", loaded))
        went_on = all(other.is_running for other in others)
        for other in others:
            other.stop()
        return alone, beside_slow, loaded, went_on

    staging.wrk(stage, f"http://127.0.0.1:{tunnel.port}/small", tunnel.host, 64, 2 if options.short else 8)
    # What the same downloads do to small requests without a tunnel: two cores are soon full.
    slow_down("origin", origin.port, tunnel.host)
    alone, beside_slow, loaded, went_on = slow_down("tunnel", tunnel.port, tunnel.host)
    report.figure("memory now: " + ", ".join(f"{role} {staging.rss_mib(pid):.0f} MiB" for role, pid in tunnel.both.items()))
    report.check(went_on, "the three downloads went on all the while")
    for load, words in ((beside_slow, "beside the slow reader"), (loaded, "beside all three")):
        is_absurd = (load.p50 > ABSURD_RATIO * max(alone.p50, LEAST_P50) or load.p99 > ABSURD_RATIO * max(alone.p99, LEAST_P99))
        report.check(load.errors == 0 and load.requests > 0 and not is_absurd,
                     f"{words}: p50 {load.p50 / max(alone.p50, 1):.1f} times, p99 {load.p99 / max(alone.p99, 1):.1f} times "
                     f"the unloaded, {load.errors} errors")

    # On programs that have not yet moved bulk: memory they already hold would hide what a stalled visitor takes.
    tunnel.agent.stop()
    tunnel.server.stop()
    tunnel = stage.tunnel(binaries, origin.port)
    small(tunnel.port, tunnel.host)
    stalled(tunnel, report, 3 if options.short else 15)
    after = small(tunnel.port, tunnel.host)
    report.check(after.errors == 0, describe("afterwards", after))


def describe(when, load):
    return (f"{when}: {load.per_second:,.0f} requests/s, p50 {load.p50 / 1000:.2f} ms, p99 {load.p99 / 1000:.2f} ms, "
            f"max {load.max / 1000:.1f} ms")


def stalled(tunnel, report, seconds):
    before = {role: staging.rss_mib(pid) for role, pid in tunnel.both.items()}
    visitors = []
    for _ in range(STALLED):
        visitor = socket.create_connection(("127.0.0.1", tunnel.port), 10)
        visitor.sendall(f"GET /bulk HTTP/1.1\r\nHost: {tunnel.host}\r\n\r\n".encode())
        # They see that the answer begins, and never read again.
        visitor.recv(16)
        visitors.append(visitor)
    time.sleep(seconds)
    during = {role: staging.rss_mib(pid) for role, pid in tunnel.both.items()}
    for role in before:
        cost = (during[role] - before[role]) / STALLED
        report.check(cost < ABSURD_STALL_MIB, f"a stalled visitor costs the {role} {cost:.2f} MiB "
                     f"({before[role]:.0f} MiB before, {during[role]:.0f} MiB with {STALLED} of them for {seconds} s)")
    status, _, body = staging.get(tunnel.port, "/small", tunnel.host)
    report.check(status == 200 and len(body) == 1024, "a request beside the stalled ones is answered")
    for visitor in visitors:
        visitor.close()

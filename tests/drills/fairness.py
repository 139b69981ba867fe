"""Small requests beside one visitor that reads at 100 KiB/s and two at full speed; then what visitors cost that stop
reading altogether. Figures, not verdicts: only errors and the absurd fail."""

import os
import socket
import subprocess
import time

import stage as staging

SMALL_VISITORS = 4
ABSURD_RATIO = 50
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
    visitor = [curl, "-sS", "--noproxy", "*", "-o", os.devnull, "-H", f"Host: {tunnel.host}", tunnel.url("/bulk")]

    def small():
        return staging.wrk(stage, tunnel.url("/small"), tunnel.host, SMALL_VISITORS, seconds)

    staging.wrk(stage, tunnel.url("/small"), tunnel.host, 64, 2 if options.short else 8)
    alone = small()
    report.figure(describe("unloaded", alone))
    slow = stage.start("slow", [*visitor, "--limit-rate", "100k"])
    time.sleep(1)
    beside_slow = small()
    report.figure(describe("beside a reader at 100 KiB/s", beside_slow))
    fast = [stage.start(f"fast-{number}", visitor) for number in range(2)]
    time.sleep(1)
    loaded = small()
    report.figure(describe("and two at full speed", loaded))
    report.figure("memory now: " + ", ".join(f"{role} {staging.rss_mib(pid):.0f} MiB" for role, pid in tunnel.both.items()))
    report.check(all(one.is_running for one in (slow, *fast)), "the three downloads went on all the while")
    for one in (slow, *fast):
        one.stop()

    for load, words in ((beside_slow, "beside the slow reader"), (loaded, "beside all three")):
        p50, p99 = load.p50 / max(alone.p50, 1), load.p99 / max(alone.p99, 1)
        report.check(load.errors == 0 and load.requests > 0 and max(p50, p99) <= ABSURD_RATIO,
                     f"{words}: p50 {p50:.1f} times, p99 {p99:.1f} times the unloaded, {load.errors} errors")

    # On programs that have not yet moved bulk: memory they already hold would hide what a stalled visitor takes.
    tunnel.agent.stop()
    tunnel.server.stop()
    tunnel = stage.tunnel(binaries, origin.port)
    small()
    stalled(tunnel, report, 3 if options.short else 15)
    after = small()
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

"""A day's worth of coming and going in minutes: 100,000 requests while the link is reset 1,000 times. Afterwards both
programs hold what they held before: memory, descriptors, threads, and, where dotnet-gcdump is there to ask them, what is
alive on their heaps after a full collection."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import stage as staging

MORE_MIB, MORE_DESCRIPTORS, MORE_THREADS = 24, 2, 12
SETTLE_SECONDS = 30
# Alive after a full collection. What a pool may have kept for the next rush is not lost; what grows with the requests is.
MORE_ALIVE_MIB = 2


def run(stage, binaries, report, options):
    # The agent waits longer after each loss: short windows would leave a slow machine nothing but waiting.
    resets, requests, window = (40, 4_000, 0.5) if options.short else (1_000, 100_000, 0.15)
    folder = stage.folder("files")
    (folder / "small").write_bytes(b"x" * 1024)
    origin = stage.nginx("origin", staging.files_server(folder))
    server = stage.server(binaries)
    relay = stage.start("relay", [sys.executable, str(staging.HERE / "relay.py"), str(server.agent_port)])
    relayed, _ = relay.wait_line(r"^listening (\d+)")
    agent = stage.agent(binaries, type("Server", (), {"agent_port": int(relayed[1])}), origin.port)
    url, host = f"http://127.0.0.1:{server.http_port}/small", f"demo.localhost:{server.http_port}"

    # What grows once (code, pools, the heap's own idea of its size) has grown after the first of it.
    churn(stage, relay, url, host, max(resets // 10, 20), max(requests // 10, 2_000), window)
    time.sleep(12)
    dumper = shutil.which("dotnet-gcdump", path=os.environ.get("PATH", "") + f":{os.path.expanduser('~')}/.dotnet/tools")
    if dumper is None:
        report.figure("what is alive on the heaps was not looked at: dotnet-gcdump is not there (dotnet tool install -g dotnet-gcdump)")
    # Looking makes a program grow a little, so it comes before its memory is noted, and after.
    alive = {name: heap(dumper, process.pid) for name, process in (("server", server), ("agent", agent))}
    before = {"server": state(server.pid), "agent": state(agent.pid)}
    done, errors, seconds, count = churn(stage, relay, url, host, resets, requests, window)
    report.check(errors == 0 and done >= requests, f"{done} requests while the link was reset {count} times in {seconds:.0f} s, {errors} failed")
    for name, process in (("server", server), ("agent", agent)):
        after = settle(process.pid, before[name])
        report.check(is_back(before[name], after), f"the {name} holds what it held: "
                     + ", ".join(f"{what} {before[name][what]:.0f} -> {after[what]:.0f}" for what in after))
        if alive[name] is not None and (now := heap(dumper, process.pid)) is not None:
            report.check(now.mib <= alive[name].mib + MORE_ALIVE_MIB,
                         f"alive on the {name}'s heap after a full collection: {alive[name].mib:.1f} -> {now.mib:.1f} MiB, "
                         f"{alive[name].objects} -> {now.objects} objects; grown most: {now.growth(alive[name])}")
    codes = [agent.stop(), server.stop()]
    report.check(codes == [0, 0], f"both end with 0 when asked: {codes}")


def churn(stage, relay, url, host, resets, requests, window):
    """Rounds of load, with a reset after each window of so many seconds, until both numbers are reached."""
    done = errors = count = 0
    started = time.monotonic()
    while done < requests or count < resets:
        load = Load(stage, url, host)
        while load.is_running:
            relay.popen.send_signal(signal.SIGUSR1)
            count += 1
            time.sleep(window)
        done += load.seen.requests
        errors += load.seen.errors
    return done, errors, time.monotonic() - started, count


class Load:
    """wrk for some seconds, on a thread of its own."""

    def __init__(self, stage, url, host):
        self.seen = None
        self._thread = threading.Thread(target=self._run, args=(stage, url, host), daemon=True)
        self._thread.start()

    @property
    def is_running(self):
        return self._thread.is_alive()

    def _run(self, stage, url, host):
        self.seen = staging.wrk(stage, url, host, 16, 5)


class Heap:
    """What a full collection has left, in all and by type."""

    def __init__(self, text):
        self.mib = int(re.search(r"([\d,]+)\s+GC Heap bytes", text)[1].replace(",", "")) / staging.MIB
        self.objects = int(re.search(r"([\d,]+)\s+GC Heap objects", text)[1].replace(",", ""))
        self.types = {}
        # One line for each type and range of sizes: bytes of one, how many, which.
        for size, count, name in re.findall(r"^\s*([\d,]+)\s+([\d,]+)\s+(\S.*?)(?:\s{2,}.*)?$", text, re.M):
            self.types[name] = self.types.get(name, 0) + int(size.replace(",", "")) * int(count.replace(",", ""))

    def growth(self, before):
        grown = sorted(((size - before.types.get(name, 0), name) for name, size in self.types.items()), reverse=True)
        return "; ".join(f"{name} {more / 1024:+.0f} KiB" for more, name in grown[:6] if more > 0) or "nothing"


def heap(dumper, pid):
    """None when there is nobody to ask."""
    if dumper is None:
        return None
    done = subprocess.run([dumper, "report", "-p", str(pid)], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)
    return Heap(done.stdout) if done.returncode == 0 and "GC Heap bytes" in done.stdout else None


def state(pid):
    return {"MiB": staging.rss_mib(pid), "descriptors": staging.descriptors(pid), "threads": staging.threads(pid)}


def is_back(before, after):
    return (after["MiB"] <= before["MiB"] + MORE_MIB and after["descriptors"] <= before["descriptors"] + MORE_DESCRIPTORS
            and after["threads"] <= before["threads"] + MORE_THREADS)


def settle(pid, before):
    deadline = time.monotonic() + SETTLE_SECONDS
    while not is_back(before, after := state(pid)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return after

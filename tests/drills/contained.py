"""Both programs in containers of 64, 128 and 256 MiB, each in its own, under visitors that ask and read nothing, uploads
that no origin reads, and both at once. They live, somebody at another address is answered within a second all the
while, and the memory comes back. Skipped where control groups cannot be made.
"""

import socket
import sys
import threading
import time

import cells
import crowd
import stage as staging

READERS, UPLOADS = 900, 500
LOADS = {"idle readers": (READERS, 0), "unread uploads": (0, UPLOADS), "both": (READERS, UPLOADS)}
ELSEWHERE = "127.0.0.2"
MOST_SECONDS = 1.0
# On a machine that is busy with something else even the calm before is slow.
MOST_TIMES_CALM = 5
# Blocks that nobody needs are kept for ten seconds, and what they were made of goes back with the next collection.
RETURN_SECONDS = 40
# What code that has run for the first time keeps, and the rest of a heap that has been larger.
MOST_LEFT_MIB = 28
BODY = b"u" * 64 * 1024
HEAP_MIB = 24
END_SECONDS = 30


def run(stage, binaries, report, options):
    crowd.need_descriptors(4 * (READERS + UPLOADS))
    ends_when_refused(stage, binaries, report)
    try:
        serves_small(stage, binaries, report)
        for limit in (128,) if options.short else (128, 256):
            for name, (readers, uploads) in LOADS.items():
                if not options.short or name == "both":
                    endures(stage, binaries, report, limit, name, readers, uploads, 8 if options.short else 20)
        if not options.short:
            endures(stage, binaries, report, 192, "idle readers of eight agents", 640, 0, 20, agents=8)
    except cells.Forbidden as error:
        report.figure(f"skipped: {error}")


def contain(binaries, **programs):
    """The same programs, some of them in cells."""
    return staging.Binaries(
        binaries.label,
        programs["server"].command(binaries.server) if "server" in programs else binaries.server,
        programs["agent"].command(binaries.agent) if "agent" in programs else binaries.agent)


def serves_small(stage, binaries, report):
    """A machine of 64 MiB is enough for somebody."""
    origin = Origin(stage)
    with cells.Cell("small-server", 64) as server, cells.Cell("small-agent", 64) as agent:
        tunnel = stage.tunnel(contain(binaries, server=server, agent=agent), origin.port)
        statuses = {staging.get(tunnel.port, "/small", tunnel.host)[0] for _ in range(50)}
        codes = [process.stop() for process in (tunnel.agent, tunnel.server)]
        origin.stop()
        report.check(statuses == {200} and codes == [0, 0] and server.kills() + agent.kills() == 0,
                     f"in 64 MiB both start, answer and stop: status {statuses}, exit codes {codes}")


def endures(stage, binaries, report, limit, name, readers, uploads, seconds, agents=1):
    origin = Origin(stage)
    with cells.Cell("server", limit) as server_cell, cells.Cell("agent", limit) as agent_cell:
        inside = contain(binaries, server=server_cell, agent=agent_cell)
        server = stage.server(inside, options=["--stall-time", "3600", "--slow-grace", "3600"])
        names = ["demo", *(f"demo{number}" for number in range(1, agents))]
        # One agent is in a cell; further ones are there for the server's sake.
        started = [stage.agent(inside if name == "demo" else binaries, server, origin.port, name) for name in names]
        watched = {"server": server_cell, "agent": agent_cell}
        what = f"{limit} MiB, {name}"
        _, _, calm, _ = seen_from_elsewhere(stage, server, names, 1)
        rest = {role: cell.used_mib() for role, cell in watched.items()}
        with Peak(watched) as peak:
            visitor = Elsewhere(stage, server.http_port, names)
            crowd_of_all = Stubborn(server.http_port, names, readers, uploads)
            crowd_of_all.press(seconds)
            requests, faults, slowest, words = visitor.end()
        origin.stop()
        crowd_of_all.close()
        alive = server.is_running and all(agent.is_running for agent in started)
        report.check(alive and server_cell.kills() + agent_cell.kills() == 0, f"{what}: both live{describe(server, *started)}")
        report.check(requests > 10 and faults == 0 and slowest <= max(MOST_SECONDS, MOST_TIMES_CALM * calm),
                     f"{what}: from another address {requests} requests, {faults} failed, the slowest took {slowest * 1000:.0f} ms "
                     f"({calm * 1000:.0f} ms before) {words}".rstrip())
        left = wait_until_back(watched, rest) if alive else {}
        for role in left:
            report.check(left[role] <= rest[role] + MOST_LEFT_MIB,
                         f"{what}: the {role} held {rest[role]:.0f} MiB, {peak.used[role]:.0f} at most, of these sockets "
                         f"{peak.sockets[role]:.0f}, and {left[role]:.0f} afterwards")
        codes = [process.stop() for process in (*started, server)]
        report.check(set(codes) == {0}, f"{what}: both stop as asked: {codes}")


def seen_from_elsewhere(stage, server, names, seconds):
    visitor = Elsewhere(stage, server.http_port, names)
    time.sleep(seconds)
    return visitor.end()


class Origin:
    """What nobody takes: /big is large, /upload is taken for somebody who never reads, /small is a short answer."""

    def __init__(self, stage):
        # The system takes the connections, and some bytes on each; no program ever does.
        self._nobody = socket.create_server(("127.0.0.1", 0), backlog=4096)
        folder = stage.folder("origin-files")
        (folder / "small").write_bytes(b"small")
        staging.sparse_file(folder / "big", 50 * staging.MIB)
        upload = (f"location = /upload {{ proxy_pass http://127.0.0.1:{self._nobody.getsockname()[1]}; proxy_http_version 1.1; "
                  "proxy_request_buffering off; client_max_body_size 0; proxy_send_timeout 1h; proxy_read_timeout 1h; }")
        self._nginx = stage.nginx("origin", staging.files_server(folder, f"send_timeout 1h; {upload}"))
        self.port = self._nginx.port

    def stop(self):
        self._nginx.stop()
        self._nobody.close()


def ends_when_refused(stage, binaries, report):
    """A heap that is far smaller than what the server was told it may hold."""
    origin = Origin(stage)
    little = staging.Binaries(binaries.label, ["/usr/bin/env", f"DOTNET_GCHeapHardLimit={HEAP_MIB * staging.MIB:#x}", *binaries.server], binaries.agent)
    tunnel = stage.tunnel(little, origin.port, server_options=["--memory-limit", "1GiB"])
    visitors = Stubborn(tunnel.port, ["demo"], READERS, UPLOADS, may_fail=True)
    visitors.press(END_SECONDS, until=lambda: not tunnel.server.is_running)
    visitors.close()
    has_ended = not tunnel.server.is_running
    for process in (tunnel.agent, tunnel.server, origin):
        process.stop()
    report.check(has_ended and tunnel.server.popen.returncode == 1 and "Out of memory" in tunnel.server.tail(),
                 f"a server that is refused memory ends at once with 1 and says why: {tunnel.server.popen.returncode}, {tunnel.server.tail(1).strip()}")


def describe(*processes):
    return "".join(f"; {process.name} ended with {process.popen.returncode}:\n{process.tail(6)}"
                   for process in processes if not process.is_running)


def wait_until_back(watched, rest):
    deadline = time.monotonic() + RETURN_SECONDS
    while True:
        left = {role: cell.used_mib() for role, cell in watched.items()}
        if time.monotonic() > deadline or all(left[role] <= rest[role] + MOST_LEFT_MIB for role in left):
            return left
        time.sleep(0.5)


class Stubborn:
    """Visitors that read nothing, and visitors that send for ever."""

    def __init__(self, port, names, readers, uploads, may_fail=False):
        self._readers, self._uploads = [], []
        hosts = [f"{name}.localhost:{port}" for name in names]
        for number in range(max(readers, uploads)):
            host = hosts[number % len(hosts)]
            try:
                if number < readers:
                    self._readers.append(ask(port, f"GET /big HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                if number < uploads:
                    self._uploads.append(ask(port, f"POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 52428800\r\n\r\n"))
            except OSError:
                if not may_fail:
                    raise
                break

    def press(self, seconds, until=lambda: False):
        """All the uploads send whatever is taken."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            for visitor in self._uploads:
                try:
                    while visitor.send(BODY) == len(BODY):
                        pass
                except OSError:
                    # Full, or shown out.
                    pass
            time.sleep(0.25)

    def close(self):
        for visitor in self._readers + self._uploads:
            visitor.close()


def ask(port, head):
    visitor = socket.create_connection(("127.0.0.1", port), 10)
    visitor.sendall(head.encode())
    visitor.setblocking(False)
    return visitor


class Elsewhere:
    """An ordinary visitor at another address."""

    def __init__(self, stage, port, names):
        self._process = stage.start("elsewhere", [
            sys.executable, "-B", str(staging.HERE / "paced_visitor.py"), "--from", ELSEWHERE, "--pause", "0.1",
            str(port), "/small", "5", *(f"{name}.localhost" for name in names)])
        self._process.wait_line("^ready")

    def end(self):
        """Requests, how many of them failed, the longest time, and the first faults."""
        self._process.popen.terminate()
        match, _ = self._process.wait_line(r"^RESULT (\d+) (\d+) \S+ \S+ (\S+) ?(.*)$", 30)
        return int(match[1]), int(match[2]), float(match[3]), match[4]


class Peak:
    """The most that each cell held."""

    def __init__(self, watched):
        self._watched = watched
        self.used = dict.fromkeys(watched, 0.0)
        self.sockets = dict.fromkeys(watched, 0.0)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(10)

    def _run(self):
        while not self._is_over.wait(0.05):
            for role, cell in self._watched.items():
                self.used[role] = max(self.used[role], cell.used_mib())
                self.sockets[role] = max(self.sockets[role], cell.sockets_mib())

"""Everything at once that is slow on purpose: heads byte by byte, readers that hardly read, uploads that stall, requests
opened and abandoned. Beside them an ordinary visitor, who must notice nothing but the time. Short: a tenth of it.
At last one address takes a whole tunnel with requests that nobody answers, and somebody at another asks, too.

The attackers share three tunnels with the ordinary visitor, as a tunnel takes 1,024 requests at once and more are
refused by design; a fourth has an origin whose answers come in small pieces.
"""

import asyncio
import collections
import re
import socket
import struct
import sys
import time

import crowd
import stage as staging

HEADS, READERS, UPLOADS, FLOODERS = 2000, 2000, 200, 40
# Of the readers; the same in the short form.
DRIPS = 20
TUNNELS = ("one", "two", "three")
HEAD_TIME = 4
# How long a request waits for a place in a tunnel that is full.
HOLD = 2
# What the server may take longer than its rule says: its clock ticks in seconds, and this machine is full.
SLACK = 6
GRACE, LEAST_RATE = 5, 240
# What a reader's system takes in at once buys it time at the slowest pace: a few KiB, as its buffer is small.
READER_CUT = GRACE + 4 * 1024 / LEAST_RATE
# How long the full form goes on.
SECONDS = 60
# A stalled reader holds what the server has in hand for it (64 KiB) and what waits in its stream's window (mostly 32
# KiB, as it never asks for more): 2,000 of them 190 MiB, the other connections a few KiB each, and the runtime with what
# it has not yet given back. All attackers together may not cost more than this, on either side.
MOST_MIB = 400
# More than a tunnel takes at once, from one address.
HANGING = 1_100
# Connections to origins that are kept for the next request.
SPARE_DESCRIPTORS = 24
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
TCP_ESTABLISHED = 1


def run(stage, binaries, report, options):
    scale = 10 if options.short else 1
    crowd.need_descriptors(max(12_000 // scale, 4 * HANGING))
    folder = stage.folder("files")
    (folder / "small").write_bytes(b"s" * 1024)
    staging.sparse_file(folder / "bulk", 1024 * staging.MIB)
    # Behind /upload the whole body is read before anybody is asked, so that nothing answers a stalled upload early.
    sink = stage.nginx("sink", "server { listen PORT; location / { return 204; } }")
    origin = stage.nginx("origin", staging.files_server(
        folder, f"location /upload {{ proxy_pass http://127.0.0.1:{sink.port}; }}"))
    drip = stage.start("drip", [sys.executable, "-B", str(staging.HERE / "dripping_origin.py")])
    drip_port = int(drip.wait_line(r"^port (\d+)")[0][1])

    server = stage.server(binaries, options=["--head-time", str(HEAD_TIME), "--hold", str(HOLD)])
    agents = {name: stage.agent(binaries, server, origin.port, name) for name in TUNNELS}
    agents["drip"] = stage.agent(binaries, server, drip_port, "drip")
    pids = {"server": server.pid, **{f"agent {name}": agent.pid for name, agent in agents.items()}}
    for name in TUNNELS:
        for _ in range(20):
            staging.get(server.http_port, "/small", f"{name}.localhost")
    rest = crowd.settle_descriptors(pids, dict.fromkeys(pids, 0), 0, 3)
    before = {role: staging.rss_mib(pid) for role, pid in pids.items()}

    visitor = stage.start("visitor", [
        sys.executable, "-B", str(staging.HERE / "paced_visitor.py"), str(server.http_port), "/small", "1024",
        *(f"{name}.localhost" for name in TUNNELS)])
    visitor.wait_line("^ready")
    with crowd.Watch(pids) as watch:
        attack = Attack(server.http_port, scale, options.short)
        asyncio.run(attack.run())
        time.sleep(1)
    visitor.popen.terminate()
    ordinary = visitor.wait_line(r"^RESULT (\d+) (\d+) (\S+) (\S+) (\S+) ?(.*)$", 15)[0]
    left = crowd.settle_descriptors(pids, rest, SPARE_DESCRIPTORS, 30)
    time.sleep(2 if options.short else 40)
    after = {role: staging.rss_mib(pid) for role, pid in pids.items()}

    attack.judge(report)
    requests, faults = int(ordinary[1]), int(ordinary[2])
    report.check(faults == 0 and requests > 0,
                 f"the ordinary visitor: {requests:,} requests, {faults} failed, p50 {float(ordinary[3]) * 1000:.1f} ms, "
                 f"p99 {float(ordinary[4]) * 1000:.1f} ms, max {float(ordinary[5]) * 1000:.0f} ms {ordinary[6]}".rstrip())
    for role in pids:
        report.check(0 < watch.peak_mib[role] <= MOST_MIB,
                     f"{role}: {before[role]:.0f} MiB before, {watch.peak_mib[role]:.0f} at peak, {after[role]:.0f} after "
                     f"(at most {MOST_MIB})")
        report.check(left[role] <= rest[role] + SPARE_DESCRIPTORS,
                     f"{role}: {rest[role]} descriptors before, {watch.peak_descriptors[role]:,} at peak, {left[role]} after")
    for name in TUNNELS:
        status, _, body = staging.get(server.http_port, "/small", f"{name}.localhost")
        report.check(status == 200 and len(body) == 1024, f"afterwards {name} answers with status {status}")
    takes_all(stage, binaries, server, folder, report)


def takes_all(stage, binaries, server, folder, report):
    # The system takes its connections, and no program ever does.
    nobody = socket.create_server(("127.0.0.1", 0), backlog=4096)
    origin = stage.nginx("deaf-origin", staging.files_server(
        folder, f"location /hang {{ proxy_pass http://127.0.0.1:{nobody.getsockname()[1]}; proxy_read_timeout 1h; }}"))
    agent = stage.agent(binaries, server, origin.port, "deaf")
    hanging = []
    for _ in range(HANGING):
        visitor = socket.create_connection(("127.0.0.1", server.http_port), 10)
        visitor.sendall(b"GET /hang HTTP/1.1\r\nHost: deaf.localhost\r\n\r\n")
        hanging.append(visitor)
    other = stage.start("other", [
        sys.executable, "-B", str(staging.HERE / "paced_visitor.py"), "--from", "127.0.0.2", str(server.http_port), "/small", "1024",
        "deaf.localhost"])
    other.wait_line("^ready")
    time.sleep(2 * HOLD)
    other.popen.terminate()
    requests, faults, slowest = other.wait_line(r"^RESULT (\d+) (\d+) \S+ \S+ (\S+)", 15)[0].groups()
    refused = sum(was_refused(visitor) for visitor in hanging)
    for visitor in hanging:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        visitor.close()
    codes = [process.stop() for process in (agent, origin)]
    nobody.close()
    report.check(refused > 0 and int(requests) > 10 and int(faults) == 0 and codes[0] == 0,
                 f"one address hangs {HANGING:,} requests on a tunnel, {refused} of them are refused: another asks {requests} times, "
                 f"{faults} failed, the slowest took {float(slowest) * 1000:.0f} ms; exit codes {codes}")


def was_refused(visitor):
    visitor.setblocking(False)
    try:
        return visitor.recv(12) == b"HTTP/1.1 503"
    except BlockingIOError:
        return False


class Attack:
    """The attackers, all in one event loop; what became of each kind."""

    def __init__(self, port, scale, is_short):
        self._port = port
        self._counts = (HEADS // scale, READERS // scale, UPLOADS // scale, FLOODERS // scale)
        self._is_short = is_short
        self._is_over = False
        self._ends = collections.defaultdict(collections.Counter)
        self._times = collections.defaultdict(list)
        self._faults = collections.Counter()
        self._abandoned = 0

    async def run(self):
        heads, readers, uploads, flooders = self._counts
        started = time.monotonic()
        kinds = [("heads", self._head, heads), ("uploads", self._upload, uploads), ("flood", self._flood, flooders)]
        again = [asyncio.create_task(self._again(kind, attacker, number))
                 for kind, attacker, count in kinds for number in range(count)]
        again += [asyncio.create_task(self._reads_again("drip readers", number)) for number in range(DRIPS)]
        again += [asyncio.create_task(self._reads_again("bulk readers", number)) for number in range(readers - DRIPS)]
        await asyncio.sleep(READER_CUT + SLACK if self._is_short else SECONDS)
        self._is_over = True
        for task in again:
            task.cancel()
        await asyncio.gather(*again, return_exceptions=True)
        self.seconds = time.monotonic() - started

    async def _again(self, kind, attacker, number):
        """The same attacker comes back each time it is shown out."""
        await asyncio.sleep(number % 100 / 100)
        while not self._is_over:
            try:
                await attacker(kind, number)
            except (OSError, asyncio.TimeoutError) as fault:
                self._faults[f"{kind}: {type(fault).__name__}"] += 1
                await asyncio.sleep(0.5)

    def _end(self, kind, end, since):
        self._ends[kind][end] += 1
        self._times[kind].append(time.monotonic() - since)

    async def _shown_out(self, kind, visitor, since, limit):
        """Waits for the answer, or for the end without one."""
        try:
            answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(visitor, 4096), limit)
            self._end(kind, answer[9:12].decode(errors="replace") or "cut", since)
        except ConnectionError:
            self._end(kind, "cut", since)
        except asyncio.TimeoutError:
            self._end(kind, "never", since)

    async def _head(self, kind, number):
        loop = asyncio.get_running_loop()
        visitor = await crowd.connect(self._port, crowd.address(number % 2))
        try:
            since = time.monotonic()
            await loop.sock_sendall(visitor, f"GET / HTTP/1.1\r\nHost: {TUNNELS[number % 3]}.localhost\r\nX-Slow: ".encode())
            waiting = asyncio.create_task(self._shown_out(kind, visitor, since, HEAD_TIME + 30))
            try:
                while not waiting.done():
                    await asyncio.wait([waiting], timeout=1.5)
                    if not waiting.done():
                        await loop.sock_sendall(visitor, b"a")
            except ConnectionError:
                await waiting
            finally:
                waiting.cancel()
        finally:
            visitor.close()

    async def _upload(self, kind, number):
        visitor = await crowd.connect(self._port, crowd.address(2))
        try:
            await asyncio.get_running_loop().sock_sendall(
                visitor, f"POST /upload HTTP/1.1\r\nHost: {TUNNELS[number % 3]}.localhost\r\nContent-Length: 1000000\r\n\r\n"
                .encode() + b"u" * 100)
            await self._shown_out(kind, visitor, time.monotonic(), GRACE + 30)
        finally:
            visitor.close()

    async def _flood(self, kind, number):
        """Asks for much and leaves: at once, or after the answer has begun."""
        loop = asyncio.get_running_loop()
        visitor = await crowd.connect(self._port, crowd.address(3))
        try:
            await loop.sock_sendall(visitor, f"GET /bulk HTTP/1.1\r\nHost: {TUNNELS[number % 3]}.localhost\r\n\r\n".encode())
            if self._abandoned % 2:
                await asyncio.wait_for(loop.sock_recv(visitor, 16), 30)
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._abandoned += 1
        finally:
            visitor.close()
        await asyncio.sleep(0.05)

    async def _reads_again(self, kind, number):
        while not self._is_over:
            await self._read_slowly(kind, number, READER_CUT)

    async def _read_slowly(self, kind, number, limit):
        """Takes a byte a second, if it is there, until the system says that the connection is no more."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(number % 200 / 100)
        host = "drip" if kind.startswith("drip") else TUNNELS[number % 3]
        try:
            visitor = await crowd.connect(self._port, crowd.address(4 + number % 2), receive_buffer=1)
        except (OSError, asyncio.TimeoutError) as fault:
            self._faults[f"{kind}: {type(fault).__name__}"] += 1
            return
        try:
            await loop.sock_sendall(visitor, f"GET /bulk HTTP/1.1\r\nHost: {host}.localhost\r\n\r\n".encode())
            since = time.monotonic()
            first = b""
            asked = since
            while time.monotonic() - since < limit + 4 * SLACK:
                try:
                    # A reset beyond a closed window is not taken by our system; what we send is answered by another.
                    if time.monotonic() - asked > 3:
                        asked = time.monotonic()
                        visitor.send(b"G")
                    byte = visitor.recv(1)
                    first = (first + byte)[:12]
                except BlockingIOError:
                    byte = None
                except ConnectionError:
                    break
                if byte == b"" or visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_ESTABLISHED:
                    break
                await asyncio.sleep(1)
            else:
                self._end(kind, "never", since)
                return
            # A refusal comes in one piece and would be no slow reader.
            rest = b""
            try:
                rest = visitor.recv(64)
            except OSError:
                pass
            status = re.match(rb"HTTP/1.1 (\d{3})", first + rest)
            self._end(kind, "cut" if status is None or status[1] == b"200" else status[1].decode(), since)
        except ConnectionError:
            self._end(kind, "cut at once", time.monotonic())
        finally:
            visitor.close()

    def judge(self, report):
        heads, readers, uploads, _ = self._counts
        report.figure(f"{heads:,} slow heads, {readers:,} slow readers, {uploads} stalled uploads for {self.seconds:.0f} s; "
                      f"{self._abandoned:,} requests abandoned, {self._abandoned / self.seconds:.0f} a second")
        rows = [("heads", heads, {"408", "cut"}, HEAD_TIME - 1, HEAD_TIME + SLACK),
                ("uploads", uploads, {"408"}, GRACE - 1, GRACE + SLACK),
                ("drip readers", DRIPS, {"cut"}, GRACE - 1, READER_CUT + SLACK),
                ("bulk readers", readers - DRIPS, {"cut"}, GRACE - 1, READER_CUT + SLACK)]
        for kind, least, right, soonest, latest in rows:
            times, ends = sorted(self._times[kind]) or [0], self._ends[kind]
            is_right = (set(ends) <= right and sum(ends.values()) >= least
                        and soonest <= times[0] and times[-1] <= latest)
            report.check(is_right, f"{kind}: {dict(ends)} after {times[0]:.1f} / {times[len(times) // 2]:.1f} / "
                         f"{times[-1]:.1f} s (min / median / max; {soonest:.0f} to {latest:.0f} are right)")
        report.check(not self._faults, f"attackers that could not attack: {dict(self._faults) or 'none'}")

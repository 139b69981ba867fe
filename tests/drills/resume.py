"""The link breaks under everything that is under way: a download, an upload, numbered WebSocket messages and a steady
stream of small requests. Nobody notices more than a pause."""

import asyncio
import hashlib
import http.client
import os
import random
import signal
import sys
import threading
import time

import stage as staging
import websocket

SMALL_PER_SECOND = 200
# How a path breaks, and how long a stopped one stays stopped: longer than a busy link's heartbeat takes.
BREAKS = ("reset", "hole", "stop")
STOPPED_SECONDS = 7
# How long the path is sound before the next break.
SOUND_SECONDS = (0.2, 1.5)
# How transfers go on that would otherwise run ahead of the breaks.
AHEAD_BYTES = 16 * 1024
AHEAD_RATE = 160 * 1024


def run(stage, binaries, report, options):
    size = (64 if options.short else 1024) * staging.MIB
    cuts = options.rounds or (6 if options.short else 50)
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    report.figure(f"seed {seed}: --seed {seed} has the same moments again")
    scene = Scene(stage, binaries, size)
    transfers(scene, report, "cut", cuts, random.Random(seed))
    messages(scene, report, 3 if options.short else 10, random.Random(seed + 1))
    scene.end(report)
    if not options.short:
        # 80 ms there and back; loss is the kernel's business on a real network, and the namespaces drill's here.
        scene = Scene(stage, binaries, size // 4, delay=40)
        transfers(scene, report, "80 ms away and cut", max(cuts // 4, 3), random.Random(seed + 2))
        scene.end(report)


def transfers(scene, report, words, cuts, moments):
    """A download and an upload at once, with the path broken at random moments of their way."""
    breaks = [BREAKS[number % len(BREAKS)] for number in range(cuts)]
    moments.shuffle(breaks)
    transfer = Transfer(scene, scene.size / (cuts * SOUND_SECONDS[1]))
    small = SmallRequests(scene)
    small.start()
    transfer.start()
    hits = 0
    for number, how in enumerate(breaks):
        # Never so far ahead that the last breaks would find nothing under way.
        transfer.allow((number + 1) / (cuts + 1))
        time.sleep(moments.uniform(*SOUND_SECONDS))
        hits += transfer.is_running
        scene.break_path(how)
        # A break has an effect of its own only when the link was back before.
        small.wait_for_answers(50)
    transfer.allow(1)
    transfer.join()
    small.stop()
    report.check(hits >= cuts * 0.9, f"{words}: {hits} of {cuts} breaks met both transfers under way")
    report.check(transfer.faults == [], f"{words}: the transfers saw no error" + "".join(f"; {fault}" for fault in transfer.faults))
    report.check(transfer.downloaded == scene.digest, f"{words}: {scene.size // staging.MIB} MiB down with equal SHA-256")
    report.check(transfer.uploaded == scene.digest, f"{words}: {scene.size // staging.MIB} MiB up with equal SHA-256")
    report.check(small.failed == [] and small.answered > 0,
                 f"{words}: {small.answered} small requests in between, {len(small.failed)} failed"
                 + (f", the first: {small.failed[0]}" if small.failed else ""))
    report.figure(f"{words}: {cuts} breaks in {transfer.seconds:.0f} s; slowest small request {small.slowest:.1f} s; "
                  f"at the most {staging.peak_rss_mib(scene.server.pid):.0f} MiB server, {staging.peak_rss_mib(scene.agent.pid):.0f} MiB agent")


def messages(scene, report, cuts, moments):
    """Numbered messages through a WebSocket echo, cut in between."""
    node, folder = websocket.install(scene.stage)
    origin = scene.stage.start("echo", [node, "origin.js"], cwd=folder)
    match, _ = origin.wait_line(r"^listening (\d+)")
    agent = scene.stage.agent(scene.binaries, scene.server_through_relay, int(match[1]), "echo")
    visitor = scene.stage.start(
        "numbered", [node, "numbered.js", str(scene.server.http_port), f"echo.localhost:{scene.server.http_port}"], cwd=folder)
    visitor.wait_line(r"^begun")
    for number in range(cuts):
        time.sleep(moments.uniform(0.2, 1.0))
        scene.break_path(BREAKS[number % 2])
        # Each cut has an effect of its own only when the link was back before.
        time.sleep(6 if BREAKS[number % 2] == "hole" else 1)
    visitor.popen.send_signal(signal.SIGUSR2)
    match, _ = visitor.wait_line(r"^done (\d+) sent (\d+) back (\d+) wrong", 30)
    sent, back, wrong = (int(match[number]) for number in (1, 2, 3))
    report.check(sent == back and wrong == 0 and sent > 0,
                 f"WebSocket across {cuts} breaks: {sent} numbered messages sent, {back} back, {wrong} out of place")
    agent.stop()


class Scene:
    """Origin, server, relay and agent."""

    def __init__(self, stage, binaries, size, delay=0):
        self.stage, self.binaries, self.size = stage, binaries, size
        folder = stage.folder("files")
        self.path = folder / f"random-{size}"
        digest = hashlib.sha256()
        with open(self.path, "wb") as file:
            for _ in range(size // staging.MIB):
                piece = os.urandom(staging.MIB)
                digest.update(piece)
                file.write(piece)
        self.digest = digest.hexdigest()
        (folder / "small").write_bytes(b"small")
        # Small requests have an origin that keeps up with whatever waited for the link.
        self._quick = stage.nginx("quick", staging.files_server(folder))
        self._origin = stage.start("origin", [sys.executable, str(staging.HERE / "hashing_origin.py"), str(folder)])
        match, _ = self._origin.wait_line(r"^listening (\d+)")
        self.server = stage.server(binaries)
        self.relay = stage.start("relay", [
            sys.executable, str(staging.HERE / "relay.py"), str(self.server.agent_port), "--delay", str(delay)])
        relayed, _ = self.relay.wait_line(r"^listening (\d+)")
        self.server_through_relay = type("Server", (), {"agent_port": int(relayed[1])})
        self.agent = stage.agent(binaries, self.server_through_relay, int(match[1]))
        self.quick_agent = stage.agent(binaries, self.server_through_relay, self._quick.port, "quick")
        self.host = f"demo.localhost:{self.server.http_port}"
        self.quick_host = f"quick.localhost:{self.server.http_port}"

    def break_path(self, how):
        if how == "stop":
            self.relay.popen.send_signal(signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            self.relay.popen.send_signal(signal.SIGCONT)
        else:
            self.relay.popen.send_signal(signal.SIGUSR1 if how == "reset" else signal.SIGUSR2)

    def end(self, report):
        codes = [self.agent.stop(), self.quick_agent.stop(), self.server.stop()]
        report.check(codes == [0, 0, 0], f"agents and server end with 0 when asked: {codes}")
        self.relay.stop()
        self._origin.stop()
        self._quick.stop()


class Transfer:
    """A download and an upload of the same random bytes, at once, each at a rate of bytes a second at the most."""

    def __init__(self, scene, rate):
        self._scene, self._rate = scene, rate
        self._threads = [threading.Thread(target=self._guard, args=(work,), daemon=True) for work in (self._download, self._upload)]
        self.faults = []
        self.downloaded = self.uploaded = None
        self.seconds = 0
        self._allowed = 0

    def allow(self, share):
        """Each direction may get so far at its full rate."""
        self._allowed = share * self._scene.size

    @property
    def is_running(self):
        return all(thread.is_alive() for thread in self._threads)

    def start(self):
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._started

    def _guard(self, work):
        try:
            work()
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(f"{work.__name__.strip('_')}: {type(error).__name__} {error}")

    def _download(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._scene.server.http_port, timeout=120)
        connection.request("GET", f"/{self._scene.path.name}", headers={"Host": self._scene.host})
        answer = connection.getresponse()
        digest = hashlib.sha256()
        for piece in self._paced(answer):
            digest.update(piece)
        self.downloaded = digest.hexdigest()

    def _upload(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._scene.server.http_port, timeout=120)
        with open(self._scene.path, "rb") as file:
            connection.request("PUT", "/", body=self._paced(file), headers={
                "Host": self._scene.host, "Content-Length": str(self._scene.size)})
        self.uploaded = connection.getresponse().read().split()[0].decode()

    def _paced(self, source):
        # Ahead of the breaks it trickles: a visitor that stands still for half a minute is shown out, and rightly.
        done = 0
        while piece := source.read(AHEAD_BYTES if done > self._allowed else 256 * 1024):
            yield piece
            time.sleep(AHEAD_BYTES / AHEAD_RATE if done > self._allowed else len(piece) / self._rate)
            done += len(piece)


class SmallRequests:
    """So many small requests a second, each on a connection of its own, however long the others take."""

    def __init__(self, scene):
        self._port, self._host = scene.server.http_port, scene.quick_host
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.answered = 0
        self.slowest = 0.0
        self.failed = []

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def wait_for_answers(self, count, seconds=60):
        """Until so many more have been answered."""
        goal, deadline = self.answered + count, time.monotonic() + seconds
        while self.answered < goal and time.monotonic() < deadline:
            time.sleep(0.01)

    async def _run(self):
        tasks = set()
        due = time.monotonic()
        while not self._stop.is_set():
            due += 1 / SMALL_PER_SECOND
            await asyncio.sleep(max(due - time.monotonic(), 0))
            task = asyncio.create_task(self._request())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _request(self):
        started = time.monotonic()
        try:
            answer = await asyncio.wait_for(self._ask(), 60)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            self.failed.append(f"{type(error).__name__} {error} after {time.monotonic() - started:.1f} s")
            return
        if answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"small"):
            self.answered += 1
            self.slowest = max(self.slowest, time.monotonic() - started)
        else:
            self.failed.append(answer.split(b"\r\n\r\n")[0].decode(errors="replace").replace("\r\n", " | "))

    async def _ask(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET /small HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode())
            return await reader.read()
        finally:
            writer.close()

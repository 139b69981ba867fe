"""What changes hands while visitors come at a steady rate: an agent is killed and started again, a server is replaced, a
pool is restarted one by one. No request may fail. A second SIGTERM ends
what the first one lets finish. At the end many agents lose their server at the same moment."""

import asyncio
import collections
import os
import socket
import subprocess
import threading
import time

import herd
import kept
import stage as staging
import units

BODY = os.urandom(2048)
PERSON_SECONDS = 30
REUSED = 32


def run(stage, binaries, report, options):
    origin = Echo()
    rate = 200 if options.short else 500
    restart(stage, binaries, report, origin, rate, 2 if options.short else 10)
    lost(stage, binaries, report, 2 if options.short else 10)
    upgrade(stage, binaries, report, origin, rate, "inherited")
    upgrade(stage, binaries, report, origin, rate, "reuse-port")
    rolling(stage, binaries, report, origin, rate, 3 if options.short else 10)
    units.run(stage, binaries, report, origin.port)
    twice(stage, binaries, report)
    herd.run(stage, binaries, report, Load, origin.port, options)


# ---------------------------------------------------------------------------------------------- scenes

def restart(stage, binaries, report, origin, rate, times):
    server = stage.server(binaries)
    state = ("--state-dir", str(stage.folder("agent-state")))
    agent = stage.agent(binaries, server, origin.port, "restarted", state)
    back = []
    with Load(server.http_port, "restarted", rate) as load:
        for _ in range(times):
            time.sleep(1)
            agent.kill()
            killed = time.monotonic()
            agent = stage.agent(binaries, server, origin.port, "restarted", state)
            # From the moment the new process was there, not from its start-up.
            back.append(time.monotonic() - killed)
        time.sleep(1)
    lost = load.seen.get("502 session-lost", 0)
    bad = {what: count for what, count in load.seen.items() if what not in ("ok", "502 session-lost")}
    report.check(not bad and load.seen["ok"] > rate, f"agent killed {times} times under {rate}/s: whatever was not in its hands waited and succeeded: {dict(load.seen)}")
    report.check(lost <= times * 64, f"agent killed: {lost} requests died with it, those under way at that moment")
    report.check(max(back) < 1 + START_SECONDS, f"agent killed: forwarding again {min(back):.2f} to {max(back):.2f} s after the kill, its start included")
    agent.stop()
    server.stop()


START_SECONDS = 3  # What a JIT-compiled program may need on a busy machine before its first line.


def lost(stage, binaries, report, times):
    """One of two agents of a pool is killed under requests that take a moment: what it had goes to the other one."""
    origin = Echo(delay=0.2)
    server = stage.server(binaries)
    agents = [stage.agent(binaries, server, origin.port, "lost", ("--pool", "--state-dir", str(stage.folder("lost-state"))))
              for _ in range(2)]
    with kept.Kept(server.http_port, "lost", REUSED) as load:
        for turn in range(times):
            time.sleep(1)
            agents[turn % 2].kill()
            time.sleep(3)
            agents[turn % 2] = stage.agent(
                binaries, server, origin.port, "lost", ("--pool", "--state-dir", str(stage.folder("lost-state"))))
        time.sleep(1)
    report.check(load.seen.keys() == {"ok"} and load.slowest < 3,
                 f"pool of two, one killed {times} times with requests in its hands: {dict(load.seen)}, slowest {load.slowest:.2f} s")
    for process in (*agents, server):
        process.stop()


def upgrade(stage, binaries, report, origin, rate, way):
    holder = None
    if way == "inherited":
        holder = [listening(), listening()]
        old = inherited(stage, binaries, holder)
    else:
        old = stage.server(binaries, options=("--reuse-port",))
    agents = [stage.agent(binaries, old, origin.port, "upgraded")]
    with Load(old.http_port, "upgraded", rate) as load, kept.Kept(old.http_port, "upgraded", REUSED) as reused:
        time.sleep(2)
        if way == "inherited":
            new = inherited(stage, binaries, holder)
        else:
            new = stage.server(binaries, old.http_port, old.agent_port, ("--reuse-port",))
        code = old.stop(40)
        time.sleep(2)
    report.check(load.seen.keys() == {"ok"}, f"server replaced ({way}) under {rate}/s: {dict(load.seen)}, slowest {load.slowest:.2f} s")
    report.check(reused.seen.keys() == {"ok"} and reused.opened >= 2 * REUSED,
                 f"server replaced ({way}): {REUSED} connections used again and again, {reused.opened} in all: {dict(reused.seen)}, slowest {reused.slowest:.2f} s")
    report.check(code == 0, f"server replaced ({way}): the old one ended with {code}")
    for process in (*agents, new):
        process.stop()
    for listener in holder or ():
        listener.close()


def rolling(stage, binaries, report, origin, rate, times):
    server = stage.server(binaries)
    agents = [stage.agent(binaries, server, origin.port, "pool", ("--pool", "--state-dir", str(stage.folder("pool-state"))))
              for _ in range(2)]
    with Load(server.http_port, "pool", rate) as load:
        for turn in range(times):
            time.sleep(0.5)
            code = agents[turn % 2].stop(40)
            report.check(code == 0, f"pool: agent {turn % 2} stopped as asked") if code else None
            agents[turn % 2] = stage.agent(
                binaries, server, origin.port, "pool", ("--pool", "--state-dir", str(stage.folder("pool-state"))))
        time.sleep(0.5)
    report.check(load.seen.keys() == {"ok"}, f"pool of two, {times} rolling restarts under {rate}/s: {dict(load.seen)}, slowest {load.slowest:.2f} s")
    for process in (*agents, server):
        process.stop()


def twice(stage, binaries, report):
    """The first SIGTERM lets what runs finish, the second does not."""
    silent = Silent()
    server = stage.server(binaries)
    agent = stage.agent(binaries, server, silent.port, "asked-twice")
    for name in ("agent", "server"):
        if not agent.is_running:
            agent = stage.agent(binaries, server, silent.port, "asked-twice")
        process = agent if name == "agent" else server
        visitor = socket.create_connection(("127.0.0.1", server.http_port), 10)
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: asked-twice.localhost\r\n\r\n")
        silent.await_visitor()
        process.popen.terminate()
        time.sleep(3)
        waits = process.is_running
        process.popen.terminate()
        started = time.monotonic()
        try:
            code = process.popen.wait(10)
        except subprocess.TimeoutExpired:
            code = "no end"
        report.check(waits and code == 0, f"{name} with a request under way: the first SIGTERM waits for it, the second ends at once: "
                     f"{time.monotonic() - started:.2f} s, exit {code}")
        process.stop()
        visitor.close()
    agent.stop()
    silent.close()


# ---------------------------------------------------------------------------------------------- parts

def listening():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    return listener


def inherited(stage, binaries, sockets):
    """A server on sockets that we hold, handed over the way systemd does it."""
    numbers = [listener.fileno() for listener in sockets]
    # The shell knows its own pid and keeps it over exec; the descriptors get the numbers they have to have.
    moves = " ".join(f"{3 + index}<&{number}" for index, number in enumerate(numbers))
    script = f'LISTEN_PID=$$ LISTEN_FDS={len(numbers)} LISTEN_FDNAMES=http:agent exec "$@" {moves}'
    real = subprocess.Popen

    def passing(command, **more):
        return real(command, pass_fds=numbers, **more)

    subprocess.Popen = passing
    try:
        process = stage.start(f"server-{binaries.label}-inherited-{time.monotonic_ns()}", [
            "bash", "-c", script, "bash", *binaries.server, "--domain", "localhost"])
    finally:
        subprocess.Popen = real
    match, _ = process.wait_line(r"^Ready: http://\*\.localhost(?::(\d+))? for visitors, port (\d+) for agents")
    process.http_port, process.agent_port = int(match[1] or 80), int(match[2])
    return process


class Silent:
    """An origin that takes requests and answers none."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]
        self._taken = []

    def await_visitor(self):
        taken, _ = self._listener.accept()
        taken.settimeout(20)
        taken.recv(4096)
        self._taken.append(taken)

    def close(self):
        for taken in (*self._taken, self._listener):
            taken.close()


class Echo:
    """An origin that sends bodies back, perhaps after a while."""

    def __init__(self, delay=0):
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        started = threading.Event()

        def serve():
            asyncio.set_event_loop(self._loop)
            server = self._loop.run_until_complete(asyncio.start_server(self._handle, "127.0.0.1", 0, backlog=1024))
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        started.wait()

    async def _handle(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
                body = await reader.readexactly(length)
                if self._delay:
                    await asyncio.sleep(self._delay)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Load:
    """Requests with bodies at a steady rate, each on a connection of its own, every byte checked."""

    def __init__(self, port, name, rate):
        self._port, self._host, self._rate = port, f"{name}.localhost", rate
        self._stop = threading.Event()
        self.seen = collections.Counter()
        self.slowest = 0.0

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    async def _run(self):
        tasks = set()
        begun = time.monotonic()
        count = 0
        while not self._stop.is_set():
            due = int((time.monotonic() - begun) * self._rate)
            while count < due:
                count += 1
                task = asyncio.create_task(self._ask())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)

    async def _ask(self):
        started = time.monotonic()
        try:
            what = await asyncio.wait_for(self._request(), PERSON_SECONDS)
        except asyncio.TimeoutError:
            what = "timeout"
        except ConnectionRefusedError:
            what = "refused"
        except (OSError, asyncio.IncompleteReadError) as error:
            what = f"cut ({type(error).__name__})"
        self.seen[what] += 1
        self.slowest = max(self.slowest, time.monotonic() - started)

    async def _request(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(b"POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (self._host.encode(), len(BODY)) + BODY)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = await reader.read()
            status = head.split()[1]
            if status == "200":
                return "ok" if body == BODY else "wrong body"
            code = next((line.split(":")[1].strip() for line in head.split("\r\n") if line.lower().startswith("tunnel-error:")), "")
            return f"{status} {code}"
        finally:
            writer.close()

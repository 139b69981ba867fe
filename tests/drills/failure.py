"""Agent, server and origin are killed without warning at random moments under load, and started again. Visitors may
see the answers of docs/operating.md, "What a visitor sees when there is no answer", or a cut connection, nothing else;
afterwards everything works, and the survivors hold what they held before: descriptors, threads, memory."""

import collections
import hashlib
import http.client
import os
import random
import threading
import time

import process
import stage as staging

VISITORS = 16
# docs/operating.md, "What a visitor sees when there is no answer": what an answer may be while a part is missing.
TABLE = {
    (404, "tunnel-not-found"), (502, "origin-refused"), (502, "origin-invalid"), (502, "session-lost"),
    (503, "agent-offline"), (503, "too-busy"), (504, "origin-timeout"),
}
BACK_SECONDS = 30
# What a runtime may keep for itself: a thread pool that grew, memory that is given back later.
MORE_DESCRIPTORS, MORE_THREADS, MORE_MIB = 2, 12, 64
SETTLE_SECONDS = 20


def run(stage, binaries, report, options):
    kills = options.rounds or (2 if options.short else 15)
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    moments = random.Random(seed)
    report.figure(f"seed {seed}: --seed {seed} has the same moments again")
    scene = Scene(stage, binaries)
    report.check(scene.until_answered() is not None, "everything works at first")
    # What grows once (code, pools, buffers) has grown after the first load and one kill of each.
    for victim in ("agent", "server", "origin"):
        outage(scene, victim, moments, Crowd(scene), 0.5)
    for victim in ("agent", "server", "origin"):
        phase(scene, victim, kills, moments, report)
    load = Crowd(scene)
    load.start()
    time.sleep(1)
    load.stop()
    report.check(load.seen.keys() == {"ok"}, f"at the end nothing but right answers: {dict(load.seen)}")
    process.run(stage, binaries, report)


def phase(scene, victim, kills, moments, report):
    survivors = [role for role in ("server", "agent") if role != victim]
    scene.until_answered()
    # Without visitors for a while: kept-alive connections to the origin close after 4 s.
    time.sleep(6)
    before = {role: scene.state(role) for role in survivors}
    seen, back = collections.Counter(), []
    for _ in range(kills):
        crowd = Crowd(scene)
        back.append(outage(scene, victim, moments, crowd, None))
        seen += crowd.seen
    bad = {what: count for what, count in seen.items() if not allowed(what)}
    told = ", ".join(f"{what if isinstance(what, str) else ' '.join(map(str, what))}: {count}" for what, count in seen.most_common())
    report.figure(f"{victim} killed {kills} times; visitors saw {told}")
    report.check(not bad, f"{victim} killed: only cut connections and the errors of the table" + (f", but {bad}" if bad else ""))
    answered = [seconds for seconds in back if seconds is not None]
    report.check(len(answered) == kills, f"{victim} killed: works again {len(answered)} of {kills} times"
                 + (f", {min(answered):.2f} to {max(answered):.2f} s after the restart" if answered else ""))
    for role in survivors:
        after = scene.settle(role, before[role])
        report.check(is_back(before[role], after), f"{victim} killed: the {role} holds what it held: "
                     + ", ".join(f"{name} {before[role][name]:.0f} -> {after[name]:.0f}" for name in after))


def outage(scene, victim, moments, crowd, moment):
    """One kill under load and the restart. Seconds until an answer came again, or None."""
    crowd.start()
    time.sleep(moment if moment is not None else moments.uniform(0.2, 1.0))
    scene.kill(victim)
    time.sleep(moments.choice((0.0, moments.uniform(0.05, 1.5))))
    started = time.monotonic()
    scene.restart(victim)
    answered = scene.until_answered(started)
    time.sleep(0.2)
    crowd.stop()
    return answered


def allowed(what):
    return what in ("ok", "cut", "refused") or what in TABLE


def is_back(before, after):
    return (after["descriptors"] <= before["descriptors"] + MORE_DESCRIPTORS
            and after["threads"] <= before["threads"] + MORE_THREADS
            and after["MiB"] <= before["MiB"] + MORE_MIB)


class Scene:
    """Server, agent and origin on ports that stay the same when one is started again."""

    def __init__(self, stage, binaries):
        self._stage = stage
        self._binaries = binaries
        folder = stage.folder("files")
        self.files = {}
        for name, size in (("small", 1024), ("medium", 200 * 1024), ("large", 4 * staging.MIB)):
            content = os.urandom(size)
            (folder / name).write_bytes(content)
            self.files["/" + name] = hashlib.sha256(content).digest()
        self._folder = folder
        self.parts = {"origin": stage.nginx("origin", staging.files_server(folder))}
        self._origin_port = self.parts["origin"].port
        self.parts["server"] = stage.server(binaries)
        self.port, self._agent_port = self.parts["server"].http_port, self.parts["server"].agent_port
        self.host = f"demo.localhost:{self.port}"
        self.parts["agent"] = stage.agent(binaries, self.parts["server"], self._origin_port)

    def kill(self, role):
        self.parts[role].kill()

    def restart(self, role):
        if role == "origin":
            self.parts[role] = self._stage.nginx("origin", staging.files_server(self._folder), port=self._origin_port)
        elif role == "server":
            self.parts[role] = self._stage.server(self._binaries, self.port, self._agent_port)
        else:
            self.parts[role] = self._stage.agent(self._binaries, self.parts["server"], self._origin_port, wait=False)

    def until_answered(self, since=None):
        since = since or time.monotonic()
        while time.monotonic() < since + BACK_SECONDS:
            try:
                status, _, body = staging.get(self.port, "/small", self.host, 10)
                if status == 200 and hashlib.sha256(body).digest() == self.files["/small"]:
                    return time.monotonic() - since
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        return None

    def state(self, role):
        pid = self.parts[role].pid
        return {"descriptors": staging.descriptors(pid), "threads": staging.threads(pid), "MiB": staging.rss_mib(pid)}

    def settle(self, role, before):
        # As long as something is on its way back: the tolerance is for what stays, not for what takes a moment.
        deadline = time.monotonic() + SETTLE_SECONDS
        while (not is_back(before, state := self.state(role)) or state["descriptors"] > before["descriptors"]) \
                and time.monotonic() < deadline:
            time.sleep(0.5)
        return state


class Crowd:
    """Visitors on kept-alive connections that check every byte, and count what they see."""

    def __init__(self, scene):
        self._scene = scene
        self._stop = threading.Event()
        self._threads = []
        self._lock = threading.Lock()
        self.seen = collections.Counter()

    def start(self):
        self._threads = [threading.Thread(target=self._visit, args=(number,), daemon=True) for number in range(VISITORS)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(90)
            if thread.is_alive():
                self._note("hangs")

    def _note(self, what):
        with self._lock:
            self.seen[what] += 1

    def _visit(self, number):
        paths = ["/large"] if number == 0 else ["/medium", "/small"] if number < 4 else ["/small"]
        connection = None
        turn = 0
        while not self._stop.is_set():
            turn += 1
            connection = connection or http.client.HTTPConnection("127.0.0.1", self._scene.port, timeout=60)
            what, is_kept = self._request(connection, paths[turn % len(paths)])
            self._note(what)
            if not is_kept:
                connection.close()
                connection = None
            if what != "ok":
                # A visitor that is refused looks again a little later.
                self._stop.wait(0.02)
        if connection:
            connection.close()

    def _request(self, connection, path):
        """What was seen, and whether the connection lives on."""
        try:
            connection.request("GET", path, headers={"Host": self._scene.host})
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError:
            return "timeout", False
        except ConnectionRefusedError:
            return "refused", False
        except (OSError, http.client.HTTPException):
            # Reset, end of file, a body shorter than announced: cut, and visibly so.
            return "cut", False
        is_kept = not answer.will_close
        if answer.status == 200:
            return ("ok" if hashlib.sha256(body).digest() == self._scene.files[path] else "wrong body"), is_kept
        return (answer.status, answer.headers.get("Tunnel-Error", "no Tunnel-Error")), is_kept

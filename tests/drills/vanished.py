"""Hosts that vanish without a word: an origin on another machine, and visitors. Nothing that waits for them hangs for ever, and
nobody who lives and merely reads nothing is taken for gone."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time

import namespaces
import stage as staging

DOMAIN = "localhost"
# What operating.md promises, the seconds between two looks, and a busy machine.
ORIGIN_SECONDS = 60 + 20 + 15
VISITOR_SECONDS = 120 + 20 + 15
# Longer than an origin that is gone has.
CLOSED_WINDOW_SECONDS = 100
UPLOAD = 8 * staging.MIB


def run(stage, binaries, report, options):
    reason = namespaces.why_not()
    if reason:
        report.figure(f"skipped: {reason}")
        return
    staging.need("nft", "ss")
    with namespaces.Pair() as hosts:
        Drill(stage, binaries, report, hosts).run(options.short)


class Drill:
    def __init__(self, stage, binaries, report, hosts):
        self.stage, self.binaries, self.report, self.hosts = stage, binaries, report, hosts

    def run(self, short):
        # Server, agents and most visitors on one host, the origins on another.
        gone, live = (self._origin(name) for name in ("gone", "live"))
        server = self.stage.start("server", self.hosts.on_server(
            *self.binaries.server, "--domain", DOMAIN, "--http-port", "0", "--agent-port", "0", "--tcp-ports", "20000-20009"))
        match, _ = server.wait_line(r"^Ready: http://\*\.localhost(?::(\d+))? for visitors, port (\d+) for agents")
        self.port, agent_port = int(match[1] or 80), match[2]
        self._agent("gone", agent_port, gone[0])
        self._agent("live", agent_port, live[0])
        raw = self._agent("raw", agent_port, live[1], "--protocol", "tcp")
        raw_port = int(re.search(r":(\d+)", raw)[1])

        visits = {what: Visit(self, "gone", what) for what in ("download", "events", "upgrade")}
        upload = threading.Thread(target=self._upload, daemon=True)
        self.uploaded = None
        upload.start()
        visitors = {} if short else {"events": self._visitor(self.port, "events"), "raw": self._visitor(raw_port, None)}
        time.sleep(1)
        ports = [gone[0], *(visitor.getsockname()[1] for visitor in visitors.values())]
        self._vanish(ports)
        began = time.monotonic()
        # What is said to the origin from now on is never acknowledged.
        visits["upgrade"].say(b"are you there?")
        for what, visit in visits.items():
            seconds = visit.wait(began + ORIGIN_SECONDS)
            self.report.check(seconds is not None, f"the origin's host vanished under {what}: " + (
                f"over after {seconds - began:.0f} s" if seconds else f"still hangs after {ORIGIN_SECONDS} s"))
        status = self._status("gone")
        self.report.check(status in (502, 504), f"a new request is told so: {status}")
        for what, visitor in visitors.items():
            port = visitor.getsockname()[1]
            while self._is_held(port) and time.monotonic() < began + VISITOR_SECONDS:
                time.sleep(0.5)
            self.report.check(not self._is_held(port), f"the host of a visitor ({what}) vanished: after {time.monotonic() - began:.0f} s the server "
                              + ("still has it" if self._is_held(port) else "holds nothing of it"))
        upload.join(CLOSED_WINDOW_SECONDS + 60)
        self.report.check(self.uploaded == 200, f"an origin that reads nothing for {CLOSED_WINDOW_SECONDS} s and lives gets its upload, byte for byte: {self.uploaded}")

    def _origin(self, name):
        origin = self.stage.start(f"origin-{name}", self.hosts.on_laptop(
            sys.executable, str(staging.HERE / "vanishing_origin.py"), self.hosts.laptop, str(CLOSED_WINDOW_SECONDS)))
        match, _ = origin.wait_line(r"^listening (\d+) (\d+)")
        return int(match[1]), int(match[2])

    def _agent(self, name, agent_port, port, *options):
        name_option = [] if "tcp" in options else ["--subdomain", name]
        agent = self.stage.start(f"agent-{name}", self.hosts.on_server(
            *self.binaries.agent, *name_option, "--server", f"127.0.0.1:{agent_port}", "--local-host", self.hosts.laptop, "--port", str(port), *options))
        return agent.wait_line(r"^Forwarding (\S+)")[0][1]

    def _visitor(self, port, path):
        """A visitor on the other host, that has heard something."""
        visitor = self.hosts.socket()
        visitor.settimeout(10)
        visitor.connect((self.hosts.server, port))
        if path:
            visitor.sendall(f"GET /{path} HTTP/1.1\r\nHost: live.{DOMAIN}\r\n\r\n".encode())
        visitor.recv(65536)
        return visitor

    def _status(self, name):
        visitor = self.hosts.socket(laptop=False)
        visitor.settimeout(30)
        visitor.connect(("127.0.0.1", self.port))
        visitor.sendall(f"GET /small HTTP/1.1\r\nHost: {name}.{DOMAIN}\r\n\r\n".encode())
        head = visitor.recv(65536)
        visitor.close()
        return int(head.split()[1]) if head else None

    def _upload(self):
        body = os.urandom(UPLOAD)
        visitor = self.hosts.socket(laptop=False)
        visitor.settimeout(CLOSED_WINDOW_SECONDS + 60)
        visitor.connect(("127.0.0.1", self.port))
        visitor.sendall(f"POST /slow HTTP/1.1\r\nHost: live.{DOMAIN}\r\nContent-Length: {UPLOAD}\r\n\r\n".encode() + body)
        answer = b""
        digest = hashlib.sha256(body).hexdigest().encode()
        while digest not in answer and (piece := visitor.recv(65536)):
            answer += piece
        self.uploaded = int(answer.split()[1]) if digest in answer else answer[:200]

    def _vanish(self, ports):
        """The other host is still there, and whatever has to do with these ports of its is not."""
        numbers = ", ".join(map(str, ports))
        rules = "add table inet drill; "
        for hook, device, which in (("input", "iif", "dport"), ("output", "oif", "sport")):
            rules += f"add chain inet drill {hook} {{ type filter hook {hook} priority 0; }}; add rule inet drill {hook} {device} cable tcp {which} {{ {numbers} }} drop; "
        subprocess.run(self.hosts.on_laptop("nft", rules), capture_output=True, text=True, check=True)

    def _is_held(self, port):
        held = subprocess.run(self.hosts.on_server("ss", "-Htn", "state", "established", "dport", "=", f":{port}"), capture_output=True, text=True, check=True)
        return bool(held.stdout.strip())


class Visit:
    """A visitor that asks for something without an end, and notes when it is over all the same."""

    def __init__(self, drill, name, what):
        self._over = None
        self._link = drill.hosts.socket(laptop=False)
        self._link.settimeout(ORIGIN_SECONDS + 60)
        self._link.connect(("127.0.0.1", drill.port))
        upgrade = "Upgrade: echo\r\nConnection: Upgrade\r\n" if what == "upgrade" else ""
        self._link.sendall(f"GET /{what} HTTP/1.1\r\nHost: {name}.{DOMAIN}\r\n{upgrade}\r\n".encode())
        if not self._link.recv(65536).startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
            raise staging.Failure(f"{what} does not begin")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def say(self, text):
        self._link.sendall(text)

    def wait(self, deadline):
        self._thread.join(max(0, deadline - time.monotonic()))
        return self._over

    def _read(self):
        try:
            while self._link.recv(65536):
                pass
        except OSError:
            pass
        self._over = time.monotonic()

"""64 tunnels of one agent, from its settings file: one refused, one with a dead origin, one changed again and again under
load. The others lose nothing: no request, no byte of a download, no raw connection, and the link is one link."""

import hashlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import stage as staging

TUNNELS = 64
VISITORS = 8
DOWNLOAD_MIB = 1024


def run(stage, binaries, report, options):
    changes = 20 if options.short else 100
    folder = stage.folder("files")
    staging.sparse_file(folder / "big", DOWNLOAD_MIB * staging.MIB)
    origins = [stage.nginx(f"origin-{name}", f'server {{ listen PORT backlog=4096; root {folder}; location = / {{ return 200 "{name} $http_host"; }} }}')
               for name in ("first", "second")]
    echo = Echo()
    first = min(staging.free_port(), 65000)
    server = stage.server(binaries, options=["--tcp-ports", f"{first}-{first + 20}"])
    steady = [f"steady{number}" for number in range(TUNNELS - 4)]
    settings = Settings(stage.folder("settings") / "tunnel.yaml", server, steady, origins, echo)
    settings.save(0)
    agent = stage.start("agent", [*binaries.agent, "start", "--all", "--config", str(settings.file)])
    lines = {}
    for number in range(TUNNELS - 1):
        match, _ = agent.wait_line(r"^Forwarding (\S+) ", after=number)
        lines[match[1]] = number
    report.check(len(lines) == TUNNELS - 1, f"{len(lines)} of {TUNNELS} tunnels are up")
    staging.wait_log(agent, r"The tunnel refused was refused: .*\[name-refused\]")
    raw = next(int(url.rsplit(":", 1)[1]) for url in lines if url.startswith("tcp://"))

    visitors = [Visitor(server.http_port, steady[number::VISITORS]) for number in range(VISITORS)]
    download = Download(server.http_port, steady[0])
    with socket.create_connection(("127.0.0.1", raw), 10) as kept:
        kept.settimeout(10)
        moves = [change(stage, binaries, settings, server.http_port, agent, number, kept) for number in range(1, changes + 1)]
        for visitor in visitors:
            visitor.stop()
    took = sorted(seconds for seconds, _ in moves)
    report.check(all(is_right for _, is_right in moves),
                 f"{changes} times the file was saved and read again: each time the changed tunnel leads where it says ({took[len(took) // 2]:.2f} s each, the slowest {took[-1]:.2f} s)")
    asked, faults = sum(visitor.asked for visitor in visitors), [fault for visitor in visitors for fault in visitor.faults]
    report.check(asked > changes and not faults, f"meanwhile {asked} requests over {len(steady)} other tunnels, {len(faults)} failed{': ' + faults[0] if faults else ''}")
    report.check(download.result() == DOWNLOAD_MIB * staging.MIB, f"a download of {DOWNLOAD_MIB} MiB that ran through it is whole {download.fault}")
    status, headers, _ = staging.get(server.http_port, "/", f"dead.localhost:{server.http_port}")
    report.check((status, headers["Tunnel-Error"]) == (502, "origin-refused"), f"the one with a dead origin: {status} {headers['Tunnel-Error']}")

    said = json.loads(subprocess.run([*binaries.agent, "status", "--json"], env=environment(stage), capture_output=True, text=True, check=False, timeout=30).stdout)
    states = {tunnel["name"]: tunnel["state"] for one in said if one["pid"] == agent.pid for tunnel in one["tunnels"]}
    report.check(len(states) == TUNNELS and [name for name, state in states.items() if state != "online"] == ["refused"],
                 f"status: {list(states.values()).count('online')} online, refused: {[name for name, state in states.items() if state != 'online']}")
    links = Path(agent.log).read_text(errors="replace").count("Connected to")
    report.check(links == 1, f"one link all the while: connected {links} time(s)")
    report.check(agent.stop() == 0 and server.stop() == 0, "both end with 0 when asked")
    echo.close()


def environment(stage):
    return {**os.environ, "XDG_CONFIG_HOME": str(stage.folder("config")), "XDG_STATE_HOME": str(stage.folder("state"))}


class Settings:
    """The agent's settings file."""

    def __init__(self, file, server, steady, origins, echo):
        self.file, self._server, self._steady, self._origins, self._echo = file, server, steady, origins, echo
        self._dead = staging.free_port()

    def save(self, moved):
        """All at once, as an editor does that saves safely; the number says which origin the changed tunnel has."""
        web = [f"  {name}: {{ origin: '127.0.0.1:{self._origins[0].port}', subdomain: {name} }}" for name in self._steady]
        draft = self.file.with_suffix(".new")
        draft.write_text("\n".join([
            f"server: 127.0.0.1:{self._server.agent_port}", "tunnels:", *web,
            f"  moved: {{ origin: '127.0.0.1:{self._origins[moved % 2].port}', subdomain: moved }}",
            f"  dead: {{ origin: '127.0.0.1:{self._dead}', subdomain: dead }}",
            f"  raw: {{ protocol: tcp, origin: '127.0.0.1:{self._echo.port}' }}",
            "  refused: { protocol: tcp, port: 1, remote-port: 1 }", ""]))
        draft.rename(self.file)


def change(stage, binaries, settings, port, agent, number, kept):
    """Saves and asks to read again: how long that took, and whether the tunnel then leads to its new origin."""
    began = time.monotonic()
    settings.save(number)
    subprocess.run([*binaries.agent, "reload", str(agent.pid)], env=environment(stage), capture_output=True, check=True, timeout=30)
    want = f"{('first', 'second')[number % 2]} moved.localhost:{port}"
    while (got := answer(port, "moved")) != want and time.monotonic() < began + 20:
        time.sleep(0.01)
    seconds = time.monotonic() - began
    word = f"change {number}\n".encode()
    kept.sendall(word)
    return seconds, got == want and kept.recv(len(word), socket.MSG_WAITALL) == word


def answer(port, name):
    return staging.get(port, "/", f"{name}.localhost:{port}")[2].decode(errors="replace")


class Visitor:
    """Asks for one name after the other over one connection, and looks at every answer."""

    def __init__(self, port, names):
        self.asked, self.faults = 0, []
        self._port, self._names, self._is_over = port, names, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._is_over = True
        self._thread.join(30)

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._is_over:
            host = f"{self._names[self.asked % len(self._names)]}.localhost:{self._port}"
            try:
                connection.request("GET", "/", headers={"Host": host})
                got = connection.getresponse()
                text = got.read().decode(errors="replace")
                if got.status != 200 or text != f"first {host}":
                    self.faults.append(f"{host}: {got.status} {text[:100]}")
            except (OSError, http.client.HTTPException) as fault:
                self.faults.append(f"{host}: {fault!r}")
                connection.close()
            self.asked += 1
            time.sleep(0.002)


class Download:
    """A file that is read slowly enough to last, by turns with everything else, and then as fast as it comes."""

    def __init__(self, port, name):
        self.fault = ""
        self._got, self._zeros = 0, hashlib.sha256(bytes(staging.MIB)).digest()
        self._is_patient = True
        self._thread = threading.Thread(target=self._run, args=(port, name), daemon=True)
        self._thread.start()

    def result(self):
        """Bytes that came, all of them right."""
        self._is_patient = False
        self._thread.join(120)
        return self._got

    def _run(self, port, name):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/big", headers={"Host": f"{name}.localhost:{port}"})
            body = connection.getresponse()
            while piece := body.read(staging.MIB):
                if hashlib.sha256(piece).digest() != self._zeros:
                    self.fault = f"(wrong bytes after {self._got})"
                    return
                self._got += len(piece)
                if self._is_patient:
                    time.sleep(0.05)
        except (OSError, http.client.HTTPException) as fault:
            self.fault = f"({fault!r} after {self._got} bytes)"
        finally:
            connection.close()


class Echo:
    """Says what it hears."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self._listener.close()

    def _run(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=self._listener.accept()[:1], daemon=True).start()
        except OSError:
            # It was closed.
            pass

    @staticmethod
    def _serve(connection):
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

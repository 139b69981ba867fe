"""What every drill and the comparison stand on: programs from Debian, builds of the product, processes that are
stopped by their own pid whatever happens, free ports, and figures from /proc.

Linux only, standard library only.
"""

import ctypes
import fcntl
import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MIB = 1024 * 1024
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

# Where Debian keeps a program, for those whose package has another name.
DEBIAN_PACKAGES = {"nft": "nftables", "ss": "iproute2", "certutil": "libnss3-tools", "testssl": "testssl.sh", "redis-benchmark": "redis-tools", "redis-cli": "redis-tools", "sshd": "openssh-server",
                   "ssh": "openssh-client", "initdb": "postgresql", "pgbench": "postgresql-contrib", "psql": "postgresql-client", "node": "nodejs", "h2load": "nghttp2-client", "wrk": "wrk", "gcc": "gcc libc6-dev zlib1g-dev"}


class Failure(Exception):
    """The drill cannot go on; the message says why."""


class OutOfTime(Failure):
    """The whole run took longer than it may."""


# ---------------------------------------------------------------------------------------------- programs

def find_program(name):
    # Servers live where an ordinary user's path does not look.
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def need(*names):
    """The full paths of programs; what is missing is installed from Debian when we may, else named."""
    missing = [name for name in names if find_program(name) is None]
    if missing and os.geteuid() == 0 and find_program("apt-get"):
        packages = " ".join(DEBIAN_PACKAGES.get(name, name) for name in missing).split()
        print(f"installing {' '.join(packages)} from Debian", file=sys.stderr)
        # A package that brings a service must not start it here: ports and configuration are ours.
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
        for command in (["apt-get", "update", "-qq"],
                        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run(command, check=False, env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL)
        missing = [name for name in names if find_program(name) is None]
    if missing:
        packages = " ".join(DEBIAN_PACKAGES.get(name, name) for name in missing)
        raise Failure(f"needs {', '.join(missing)} (Debian: apt-get install {packages})")
    return [find_program(name) for name in names]


# ---------------------------------------------------------------------------------------------- the product

class Binaries:
    """How to start the two programs."""

    def __init__(self, label, server, agent, folders=()):
        self.label = label
        self.server = server
        self.agent = agent
        self.folders = folders


def _copy_sources(checkout, target):
    # Builds run on a copy: another build of the same checkout can neither disturb this one nor be disturbed by it,
    # and restoring for a runtime identifier does not touch the lock files of the checkout.
    wanted = set()
    sources = [entry for entry in checkout.iterdir() if entry.is_file()]
    for folder, names, files in os.walk(checkout / "src"):
        names[:] = [name for name in names if name not in ("bin", "obj")]
        sources += [Path(folder) / name for name in files]
    for source in sources:
        relative = source.relative_to(checkout)
        wanted.add(relative)
        copy = target / relative
        state = source.stat()
        # The copy keeps its time of writing, so unchanged files are not compiled again.
        if not copy.exists() or copy.stat().st_mtime_ns != state.st_mtime_ns or copy.stat().st_size != state.st_size:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    for folder, _, files in os.walk(target):
        for name in files:
            copy = Path(folder) / name
            if copy.relative_to(target) not in wanted and not name == "packages.lock.json":
                copy.unlink()


def _dotnet(*arguments):
    done = subprocess.run(["dotnet", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, check=False, timeout=600)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if "error" in line] or done.stdout.splitlines()
        raise Failure("the build failed:\n" + "\n".join(dict.fromkeys(lines[:10])))


# What this run has built already. Style and analyzers are the gate's build's.
_built = set()
_BUILD_OPTIONS = ["-c", "Release", "--nologo", "-v", "quiet", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false"]


def build(stage, native=False, checkout=REPOSITORY):
    """Builds both programs of a checkout in Release, once in a run, and takes a private copy, which no later build
    overwrites."""
    need("dotnet")
    if native:
        need("gcc")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "tunnel-drills" / hashlib.sha256(str(checkout).encode()).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_built = (checkout, native) in _built
        if not is_built:
            _copy_sources(checkout, place / "source")
        programs = {}
        label = ("" if checkout == REPOSITORY else "other-") + ("native" if native else "release")
        for role, project in (("server", "Tunnel.Server"), ("agent", "Tunnel.Agent")):
            path = str(place / "source" / "src" / project)
            common = [*_BUILD_OPTIONS, "--artifacts-path", str(place / "built")]
            copy = stage.folder(f"{label}-{role}")
            if native:
                machine = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
                linker = [] if find_program("clang") else ["-p:CppCompilerAndLinker=gcc"]
                if not is_built:
                    _dotnet("publish", path, "-r", f"linux-{machine}", *linker, *common)
                built = place / "built" / "publish" / project / f"release_linux-{machine}"
                shutil.copy2(built / f"tunnel-{role}", copy)
                programs[role] = [str(copy / f"tunnel-{role}")]
            else:
                if not is_built:
                    _dotnet("build", path, *common)
                shutil.copytree(place / "built" / "bin" / project / "release", copy, dirs_exist_ok=True)
                programs[role] = [find_program("dotnet"), str(copy / f"tunnel-{role}.dll")]
        _built.add((checkout, native))
    return Binaries(label, programs["server"], programs["agent"])


# ---------------------------------------------------------------------------------------------- processes

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    # Even when this program is killed, what it started goes too.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One started program: its lines on standard output, its log, its end."""

    def __init__(self, name, command, log, environment=None, cwd=None):
        self.name = name
        self.log = log
        self.lines = []
        self._condition = threading.Condition()
        self._is_over = False
        self._errors = open(log, "ab")
        self.started = time.monotonic()
        self.popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, cwd=cwd,
            env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)
        self.pid = self.popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self._condition:
                self.lines.append((time.monotonic(), line.decode(errors="replace").rstrip("\n")))
                self._condition.notify_all()
        with self._condition:
            self._is_over = True
            self._condition.notify_all()

    @property
    def is_running(self):
        return self.popen.poll() is None

    def wait_line(self, pattern, seconds=30, after=0):
        """The first match on standard output, and the time it came."""
        deadline = time.monotonic() + seconds
        with self._condition:
            seen = after
            while True:
                for at, line in self.lines[seen:]:
                    match = re.search(pattern, line)
                    if match:
                        return match, at
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or self._is_over:
                    what = "ended" if self._is_over else f"was silent for {seconds} s"
                    raise Failure(f"{self.name} {what} before it was ready:\n{self.tail()}")
                self._condition.wait(left)

    def tail(self, lines=15):
        text = Path(self.log).read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in text[-lines:])

    def kill(self):
        """The end without warning."""
        if self.is_running:
            self.popen.kill()
        self.popen.wait()
        self._finish()

    def stop(self, seconds=10):
        """The end as asked, and without warning when that takes too long."""
        if self.is_running:
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()
        self._finish()
        return self.popen.returncode

    def _finish(self):
        self._reader.join(5)
        self._errors.close()


def wait_log(process, pattern, seconds=10):
    """Until a program has said something on standard error."""
    deadline = time.monotonic() + seconds
    while not re.search(pattern, Path(process.log).read_text(errors="replace")):
        if time.monotonic() > deadline or not process.is_running:
            raise Failure(f"{process.name} never said {pattern}:\n{process.tail()}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_port(port, seconds=10, process=None):
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline or (process and not process.is_running):
                raise Failure(f"nothing listens on port {port}" + (f":\n{process.tail()}" if process else "")) from None
            time.sleep(0.02)


class Stage:
    """Where a run takes place: a folder, the processes in it, and a limit in time. Leaving it stops and removes all."""

    def __init__(self, name, seconds, keep=None):
        self._name = name
        self._seconds = seconds
        self._processes = []
        self._root = None
        self._keep = keep

    def __enter__(self):
        self._root = Path(tempfile.mkdtemp(prefix=f"tunnel-{self._name}-"))

        def too_late(*_):
            raise OutOfTime(f"not finished after {self._seconds} s")

        def asked_to_stop(number, _):
            raise SystemExit(128 + number)

        signal.signal(signal.SIGALRM, too_late)
        signal.signal(signal.SIGTERM, asked_to_stop)
        signal.signal(signal.SIGHUP, asked_to_stop)
        self.limit(self._seconds)
        return self

    def limit(self, seconds):
        """From now on the run may take this long."""
        self._seconds = seconds
        signal.alarm(seconds)

    def __exit__(self, *_):
        signal.alarm(0)
        # Nothing may interrupt the cleaning up.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._processes):
            process.stop(5)
        if self._keep:
            for log in self._root.glob("*.log"):
                Path(self._keep).mkdir(parents=True, exist_ok=True)
                shutil.copy2(log, self._keep)
        shutil.rmtree(self._root, ignore_errors=True)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def folder(self, name):
        path = self._root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, name, command, environment=None, cwd=None):
        # Nothing of this machine's own tokens and state comes in, and nothing goes out to it.
        own = {"XDG_CONFIG_HOME": str(self.folder("config")), "XDG_STATE_HOME": str(self.folder("state")),
               "TUNNEL_SERVER_STATE_DIR": str(self.folder("server-state"))}
        process = Process(name, command, self._root / f"{name}.log", {**own, **(environment or {})}, cwd)
        self._processes.append(process)
        return process

    # -- nginx

    def nginx(self, name, servers, upstreams="", port=None, connections=8192):
        """One nginx in one process (one worker, the same event loop), so that its pid is all there is to count or to
        kill. `servers` is the text of a server block with PORT where the port belongs."""
        (program,) = need("nginx")
        folder = self.folder(name)
        # A free port may be gone a moment later: try again, unless the caller needs this very one.
        for attempt in range(5):
            chosen = port or free_port()
            text = NGINX.replace("FOLDER", str(folder)).replace("CONNECTIONS", str(connections)).replace("UPSTREAMS", upstreams).replace(
                "SERVERS", servers.replace("PORT", f"127.0.0.1:{chosen}"))
            configuration = folder / "nginx.conf"
            configuration.write_text(text)
            process = self.start(name, [program, "-e", "stderr", "-p", str(folder), "-c", str(configuration)])
            try:
                wait_port(chosen, 5, process)
                if process.is_running:
                    process.port = chosen
                    return process
            except Failure:
                process.kill()
                if port or attempt == 4:
                    raise
        raise Failure(f"{name} does not start:\n{process.tail()}")

    # -- the product

    def server(self, binaries, http_port=0, agent_port=0, options=()):
        process = self.start(f"server-{binaries.label}", [
            *binaries.server, "--domain", "localhost", "--bind", "127.0.0.1", "--http-port", str(http_port),
            "--agent-port", str(agent_port), *options])
        match, at = process.wait_line(r"^Ready: http://\*\.localhost(?::(\d+))?(?: and https://[^\s:]+(?::(\d+))?)? for visitors, port (\d+) for agents")
        process.http_port, process.https_port, process.agent_port = int(match[1] or 80), int(match[2] or 443), int(match[3])
        process.seconds_to_ready = at - process.started
        return process

    def agent(self, binaries, server, origin_port, name="demo", options=(), wait=True):
        process = self.start(f"agent-{binaries.label}-{name}", [
            *binaries.agent, "--subdomain", name, "--port", str(origin_port), "--local-host", "127.0.0.1",
            "--server", f"127.0.0.1:{server.agent_port}", *options])
        if wait:
            _, at = process.wait_line(r"^Forwarding ")
            process.seconds_to_ready = at - process.started
        return process

    def tunnel(self, binaries, origin_port, name="demo", server_options=(), agent_options=()):
        server = self.server(binaries, options=server_options)
        return Tunnel(server, self.agent(binaries, server, origin_port, name, agent_options), name)


class Tunnel:
    """A server and an agent that stand."""

    def __init__(self, server, agent, name):
        self.server = server
        self.agent = agent
        self.port = server.http_port
        self.host = f"{name}.localhost:{self.port}"
        self.both = {"server": server.pid, "agent": agent.pid}

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"


NGINX = """daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid FOLDER/nginx.pid;
error_log stderr warn;
events { worker_connections CONNECTIONS; }
http {
    types {
        text/html html; text/css css; text/javascript js; image/png png; image/svg+xml svg; font/ttf ttf;
        text/plain txt; application/json json;
    }
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    client_max_body_size 0;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    UPSTREAMS
    SERVERS
}
"""


def files_server(root, more=""):
    """A server block that serves a folder."""
    return f"server {{ listen PORT backlog=4096; root {root}; {more} }}"


def sparse_file(path, size):
    """A file of zeros that takes no room."""
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def get(port, path, host, seconds=30):
    """One request on a connection of its own: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


# ---------------------------------------------------------------------------------------------- load

_WRK_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, summary.bytes))
end
"""


class Load:
    """What wrk saw. Times in microseconds."""

    def __init__(self, numbers):
        (self.requests, duration, self.socket_errors, self.status_errors, self.timeouts, self.p50, self.p99,
         self.max, self.bytes) = numbers
        self.per_second = self.requests / (duration / 1e6) if duration else 0.0
        self.errors = self.socket_errors + self.status_errors + self.timeouts


def wrk(stage, url, host, connections, seconds, headers=()):
    """wrk with one thread, keep-alive unless a header says otherwise."""
    (program,) = need("wrk")
    script = stage.folder("wrk") / "report.lua"
    if not script.exists():
        script.write_text(_WRK_REPORT)
    done = subprocess.run(
        [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script),
         *(part for header in (f"Host: {host}", *headers) for part in ("-H", header)), url],
        capture_output=True, text=True, check=False, timeout=seconds + 30, stdin=subprocess.DEVNULL)
    match = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if not match:
        raise Failure(f"wrk on {url}: {done.stdout}{done.stderr}")
    return Load([int(number) for number in match[1].split()])


# ---------------------------------------------------------------------------------------------- /proc

def status_kib(pid, field):
    """A field of /proc/PID/status in KiB, like VmRSS (now) or VmHWM (highest ever)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise Failure(f"process {pid} has no {field}")


def rss_mib(pid):
    return status_kib(pid, "VmRSS") / 1024


def peak_rss_mib(pid):
    return status_kib(pid, "VmHWM") / 1024


def cpu_seconds(pid):
    """User and system time of all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def descriptors(pid):
    """Open descriptors, without the program's own parts: the JIT's runtime keeps every library it loads open, and loads
    some only after the first of its errors."""
    count = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += not os.readlink(f"/proc/{pid}/fd/{descriptor}").endswith((".dll", ".pdb"))
        except FileNotFoundError:
            # Closed while we looked.
            pass
    return count


def threads(pid):
    return status_kib(pid, "Threads")


# ---------------------------------------------------------------------------------------------- verdicts

class Report:
    """PASS and FAIL lines, and the figures between them."""

    def __init__(self, name):
        self._name = name
        self.failures = 0

    def check(self, is_right, text):
        print(f"{'PASS' if is_right else 'FAIL'} {self._name}: {text}", flush=True)
        self.failures += not is_right
        return is_right

    def figure(self, text):
        print(f"     {self._name}: {text}", flush=True)

"""Who is measured. A contestant is a key, a label and a way to start it in front of the origin; adding one is a
function and a line in CONTESTANTS."""

import dataclasses
from pathlib import Path
from typing import Callable

import pki
import stage as staging
import tunnels


def family(pid):
    """A process and all its descendants: some programs serve in children."""
    pids = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            pids += family(int(child))
    return pids


@dataclasses.dataclass
class Running:
    """A started contestant: where to send requests, which Host to name, and the processes to account for, by role: the
    visitor's end first, then the origin's."""

    port: int
    host: str
    processes: dict
    # Role -> seconds from start to ready, for those that say when they are.
    ready: dict = dataclasses.field(default_factory=dict)
    # Does it end HTTP connections itself, or carry every visitor's connection through to the origin?
    reads_http: bool = True
    # Starts one more of the same, on which nothing has happened yet.
    again: Callable = None
    scheme: str = "http"
    # Another one, whose visitors come by HTTPS.
    secure: "Running" = None

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def _sum(self, figure):
        return {role: sum(figure(pid) for pid in family(process.pid)) for role, process in self.processes.items()}

    def cpu_seconds(self):
        return self._sum(staging.cpu_seconds)

    def rss_mib(self):
        return self._sum(staging.rss_mib)

    def peak_rss_mib(self):
        return self._sum(staging.peak_rss_mib)

    def stop(self):
        for process in reversed(self.processes.values()):
            process.stop()


@dataclasses.dataclass(frozen=True)
class Contestant:
    key: str
    label: str
    # (Theatre, origin port) -> Running
    start: Callable
    # What must be there; what is missing is installed when we may.
    programs: tuple = ()
    # Only taken in when its programs are on the machine already.
    is_guest: bool = False
    # (Theatre, origin port) -> Running for visitors by HTTPS
    start_secure: Callable = None


class Theatre:
    """What starting needs: the stage, the product's builds, each made once, and names no two processes share."""

    def __init__(self, stage):
        self.stage = stage
        self._builds = {}
        self._names = {}
        self._certificate = None

    def binaries(self, native, checkout):
        if (native, checkout) not in self._builds:
            self._builds[native, checkout] = staging.build(self.stage, native, checkout)
        return self._builds[native, checkout]

    def certificate(self):
        """Paths of a certificate for the visitors' names and of its key, the same for all: on P-256, as most are."""
        if not self._certificate:
            self._certificate = pki.Pki(self.stage.folder("pki")).issue("visitors", "*.localhost", curve="P-256")
        return self._certificate

    def name(self, base):
        self._names[base] = self._names.get(base, 0) + 1
        return f"{base}-{self._names[base]}"


def direct(_, origin_port):
    return Running(origin_port, "demo.localhost", {})


# Tuned as one would for this place: kept-alive connections to the next hop, HTTP/1.1, no log, the forwarded headers
# every reverse proxy is given. Buffers as nginx has them by default, but never a file: it would fetch a gigabyte to disk for
# each slow reader, and the disk would be measured.
_NGINX = """server {
    listen PORT backlog=4096 MORE;
    location / {
        proxy_pass http://next;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
    }
}"""
# Room for the crowd of idle visitors.
CONNECTIONS = 12_000


def _nginx_proxy(theatre, name, next_port, more=""):
    upstream = f"upstream next {{ server 127.0.0.1:{next_port}; keepalive 512; keepalive_requests 1000000000; }}"
    return theatre.stage.nginx(theatre.name(name), _NGINX.replace("MORE", more), upstream, connections=CONNECTIONS)


def nginx_twice(theatre, origin_port):
    inner = _nginx_proxy(theatre, "nginx-inner", origin_port)
    outer = _nginx_proxy(theatre, "nginx-outer", inner.port)
    return Running(outer.port, "demo.localhost", {"outer": outer, "inner": inner})


def nginx_once_secure(theatre, origin_port):
    """What HTTPS is measured against: whoever needs no tunnel terminates TLS beside the origin."""
    certificate, key = theatre.certificate()
    tls = f"ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; keepalive_requests 1000000000"
    proxy = _nginx_proxy(theatre, "nginx-secure", origin_port, tls)
    return Running(proxy.port, "demo.localhost", {"outer": proxy}, scheme="https")


# The same terms: one thread for each process as nginx has one worker, kept-alive connections shared by all visitors.
_HAPROXY = """global
    nbthread 1
    maxconn {connections}
    # It asks for two descriptors for each connection; kept-alive ones to the next hop are shared.
    no strict-limits
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 75s
    timeout http-keep-alive 75s
    option forwardfor
    http-reuse always
frontend visitors
    bind 127.0.0.1:{port} backlog 4096
    default_backend next
backend next
    server next 127.0.0.1:{next_port}
"""


def _haproxy(theatre, role, next_port):
    name = theatre.name(f"haproxy-{role}")
    configuration = theatre.stage.folder(name) / "haproxy.cfg"
    port = staging.free_port()
    configuration.write_text(_HAPROXY.format(connections=CONNECTIONS, port=port, next_port=next_port))
    process = theatre.stage.start(name, [staging.find_program("haproxy"), "-db", "-f", str(configuration)])
    staging.wait_port(port, 10, process)
    process.port = port
    return process


def haproxy_twice(theatre, origin_port):
    inner = _haproxy(theatre, "inner", origin_port)
    outer = _haproxy(theatre, "outer", inner.port)
    return Running(outer.port, "demo.localhost", {"outer": outer, "inner": inner})


def _this_project(native, checkout=staging.REPOSITORY):
    def start(theatre, origin_port, *server_options):
        binaries = theatre.binaries(native, checkout)
        state = str(theatre.stage.folder(theatre.name(f"state-{binaries.label}")))
        tunnel = theatre.stage.tunnel(binaries, origin_port, server_options=["--state-dir", f"{state}/server", *server_options],
                                      agent_options=["--state-dir", f"{state}/agent"])
        processes = {"server": tunnel.server, "agent": tunnel.agent}
        return Running(tunnel.port, tunnel.host, processes, {role: one.seconds_to_ready for role, one in processes.items()})

    def start_secure(theatre, origin_port):
        certificate, key = theatre.certificate()
        running = start(theatre, origin_port, "--https-port", "0", "--cert", certificate, "--key", key)
        port = running.processes["server"].https_port
        return dataclasses.replace(running, port=port, host=f"demo.localhost:{port}", scheme="https")
    return {"start": start, "start_secure": start_secure}


def _bytes_only(start):
    """A tunnel that copies bytes: (theatre, origin port) -> port, visitor's end, origin's end."""
    def begin(theatre, origin_port):
        port, near, far = start(theatre, origin_port)
        return Running(port, "demo.localhost", {"near": near, "far": far}, reads_http=False)
    return begin


REFERENCE = "nginx-twice"
CONTESTANTS = [
    Contestant("direct", "direct", direct),
    Contestant("nginx-twice", "nginx twice", nginx_twice, start_secure=nginx_once_secure),
    Contestant("haproxy-twice", "HAProxy twice", haproxy_twice, ("haproxy",)),
    Contestant("ssh", "`ssh -R`", _bytes_only(tunnels.ssh), ("ssh", "sshd", "ssh-keygen")),
    *(Contestant(key, label, _bytes_only(start), programs, is_guest=True) for key, label, start, programs in tunnels.GUESTS),
    Contestant("release", "this project, Release", **_this_project(native=False)),
    Contestant("native", "this project, native", **_this_project(native=True)),
]


def before(checkout):
    """The same project as another checkout has it: what a change has cost or gained, in the same rounds."""
    return [Contestant("before", "before, Release", **_this_project(native=False, checkout=checkout)),
            Contestant("before-native", "before, native", **_this_project(native=True, checkout=checkout))]

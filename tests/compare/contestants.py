"""Who is measured. A contestant is a key, a label and a way to start it in front of the origin; adding one is a
function and a line in CONTESTANTS."""

import dataclasses
from typing import Callable

import stage as staging


@dataclasses.dataclass
class Running:
    """A started contestant: where to send requests, which Host to name, and the processes to account for."""

    port: int
    host: str
    pids: dict

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


@dataclasses.dataclass(frozen=True)
class Contestant:
    key: str
    label: str
    # (Theatre, origin port) -> Running
    start: Callable
    is_optional: bool = False


class Theatre:
    """What starting needs: the stage, and the product's builds, each made once."""

    def __init__(self, stage):
        self.stage = stage
        self._builds = {}

    def binaries(self, native):
        if native not in self._builds:
            self._builds[native] = staging.build(self.stage, native)
        return self._builds[native]


def direct(_, origin_port):
    return Running(origin_port, "demo.localhost", {})


# Tuned as one would for this place: kept-alive connections to the next hop, HTTP/1.1, no log, the forwarded headers
# every reverse proxy is given; buffering as nginx has it by default.
_PROXY = """server {
    listen PORT backlog=4096;
    location / {
        proxy_pass http://next;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_request_buffering off;
    }
}"""


def _nginx_proxy(theatre, name, next_port):
    upstream = f"upstream next {{ server 127.0.0.1:{next_port}; keepalive 512; keepalive_requests 1000000000; }}"
    return theatre.stage.nginx(name, _PROXY, upstream)


def nginx_twice(theatre, origin_port):
    inner = _nginx_proxy(theatre, "nginx-inner", origin_port)
    outer = _nginx_proxy(theatre, "nginx-outer", inner.port)
    return Running(outer.port, "demo.localhost", {"outer": outer.pid, "inner": inner.pid})


def _this_project(native):
    def start(theatre, origin_port):
        tunnel = theatre.stage.tunnel(theatre.binaries(native), origin_port)
        return Running(tunnel.port, tunnel.host, tunnel.both)
    return start


REFERENCE = "nginx-twice"
CONTESTANTS = [
    Contestant("direct", "direct", direct),
    Contestant("nginx-twice", "nginx twice", nginx_twice),
    Contestant("release", "this project, Release", _this_project(native=False)),
    Contestant("native", "this project, native", _this_project(native=True), is_optional=True),
]

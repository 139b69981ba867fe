"""Logins that live on a connection: curl logs in with NTLM at an origin that takes a connection for a person, through the
tunnel as it does directly, and nobody is ever taken for somebody else, under load either. Behind a trusted proxy that
sends many people over one connection nobody is logged in, and the log says why.

Short: the same for a shorter time."""

import http.client
import re
import subprocess
import sys
import threading
import time

import stage as staging

USERS, STRANGERS = 6, 6
SECONDS, SHORT_SECONDS = 40, 6


def run(stage, binaries, report, options):
    (curl,) = staging.need("curl")
    origin = stage.start("origin", [sys.executable, str(staging.HERE / "ntlm_origin.py")])
    port = int(origin.wait_line(r"^listening (\d+)")[0][1])
    tunnel = stage.tunnel(binaries, port, agent_options=("--links", "2"))
    visitors = Visitors(curl)
    ways = {"directly": f"http://127.0.0.1:{port}", "through the tunnel": f"http://{tunnel.host}"}
    for way, base in ways.items():
        report.check(visitors.log_in(base, "ann", ["/1", "/2", "/3"]) == ["ann /1 200", "ann /2 200", "ann /3 200"],
                     f"{way} curl logs in with NTLM and goes on over its connection")
        report.check(visitors.log_in(base, "ann", ["/"], password="wrong")[-1:] == ["who are you? 401"], f"{way} a wrong password is refused")
        posted = visitors.log_in(base, "ann", ["/p"], more=["--data-binary", "x" * 50000])
        report.check(len(posted) == 1 and re.fullmatch(r"ann /p [0-9a-f]{64} 50000 200", posted[0]), f"{way} a body goes with it: {posted}")
        report.check(visitors.log_in(base, "ann", ["/any"], scheme="--anyauth") == ["ann /any 200"], f"{way} curl finds out about NTLM by itself")

    under_load(stage, tunnel, visitors, report, SHORT_SECONDS if options.short else SECONDS)
    behind_a_proxy(stage, binaries, port, visitors, report)


def under_load(stage, tunnel, visitors, report, seconds):
    over = time.monotonic() + seconds
    counts = {"logins": 0, "answers to strangers": 0}
    wrong = []
    lock = threading.Lock()

    def log_in(user):
        while time.monotonic() < over:
            paths = [f"/{user}/{i}" for i in range(20)]
            said = visitors.log_in(f"http://{tunnel.host}", user, paths)
            with lock:
                counts["logins"] += 1
                if said != [f"{user} {path} 200" for path in paths]:
                    wrong.append(f"{user} got {said[:3]}")

    def knock():
        connection = http.client.HTTPConnection("127.0.0.1", tunnel.port, timeout=60)
        while time.monotonic() < over:
            connection.request("GET", "/stranger", headers={"Host": tunnel.host})
            answer = connection.getresponse()
            body = answer.read()
            with lock:
                counts["answers to strangers"] += 1
                if answer.status != 401:
                    wrong.append(f"a stranger got {answer.status} {body!r}")
        connection.close()

    threads = [threading.Thread(target=log_in, args=(f"user{i}",), daemon=True) for i in range(USERS)]
    threads += [threading.Thread(target=knock, daemon=True) for _ in range(STRANGERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.figure(", ".join(f"{count} {what}" for what, count in counts.items()) + f" in {seconds} s")
    for problem in wrong[:5]:
        report.figure(problem)
    report.check(not wrong and min(counts.values()) > 10, "under load everybody is who he is, and strangers are nobody")


def behind_a_proxy(stage, binaries, port, visitors, report):
    tunnel = stage.tunnel(binaries, port, name="proxied", server_options=("--trusted-proxy", "127.0.0.1"))
    proxy = stage.nginx(
        "proxy", f"""server {{ listen PORT; location / {{ proxy_pass http://behind; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_set_header Host {tunnel.host}; }} }}""",
        upstreams=f"upstream behind {{ server 127.0.0.1:{tunnel.port}; keepalive 1; }}")
    base = f"http://127.0.0.1:{proxy.port}"
    said = [visitors.log_in(base, "ann", ["/"])[-1] for _ in range(3)]
    strangers = {staging.get(proxy.port, "/", "proxied")[0] for _ in range(20)}
    report.check(set(said) == {"who are you? 401"} and strangers == {401}, f"behind a proxy that sends many nobody is logged in ({said[0]})")
    staging.wait_log(tunnel.server, r"trusted proxy 127\.0\.0\.1, whose connections carry many people")
    staging.wait_log(tunnel.agent, r"a proxy in front of the server sends many people over one")
    report.check(True, "the logs of server and agent say why")


class Visitors:
    def __init__(self, curl):
        self._curl = curl

    def log_in(self, base, user, paths, password=None, scheme="--ntlm", more=()):
        """What curl got, one line for each path, all over one connection: the body and the status."""
        secret = password or f"secret of {user}"
        done = subprocess.run(
            [self._curl, "-s", "--max-time", "60", scheme, "-u", f"{user}:{secret}", "-w", " %{http_code}\n", *more,
             *(f"{base}{path}" for path in paths)],
            capture_output=True, text=True, check=False, timeout=90, stdin=subprocess.DEVNULL)
        return [line for line in done.stdout.replace("\n ", " ").splitlines() if line]

"""--allow and --deny where there is no HTTP to say no with, as other programs see it: redis-cli over a TCP tunnel and openssl
at a passthrough name, from both hosts of the identity drill."""

import re
import subprocess

import stage as staging
from pki import Pki

ORIGIN, PUBLIC, SEALED = 6379, 20001, 8443


def run(drill):
    tcp(drill)
    passthrough(drill)
    no_passwords(drill)


def tcp(drill):
    redis, cli = staging.need("redis-server", "redis-cli")
    hosts = drill.hosts
    origin = drill.stage.start("redis", hosts.on_laptop(redis, "--port", str(ORIGIN), "--bind", "127.0.0.1", "--save", "", "--dir", str(drill.stage.folder("redis"))))
    user = drill.login(drill.make("raw", "--subdomain", "t-*", "--tcp-port", f"{PUBLIC}-{PUBLIC + 9}"))

    def ask(on, *words, host=hosts.server, port=PUBLIC):
        done = subprocess.run(on(cli, "-h", host, "-p", str(port), *words), capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    def connections():
        return int(re.search(r"total_connections_received:(\d+)", ask(hosts.on_laptop, "info", "stats", host="127.0.0.1", port=ORIGIN))[1])

    drill.wait_for(lambda: "PONG" in ask(hosts.on_laptop, "ping", host="127.0.0.1", port=ORIGIN))
    for rule in (["--deny", hosts.laptop], ["--allow", hosts.server]):
        agent = drill.agent(user, "--protocol", "tcp", "--remote-port", str(PUBLIC), *rule, port=ORIGIN)
        agent.wait_line("^Forwarding tcp://")
        before = connections()
        answer = ask(hosts.on_laptop, "ping")
        heard = connections() - before - 1
        # Which of the two it says depends on whether the reset comes before it has looked at its connection.
        drill.report.check("PONG" not in answer and re.search("Error|reset", answer) and heard == 0,
                           f"redis-cli from the laptop, {rule[0]}: {answer.strip()!r}, and Redis hears nothing of it")
        drill.report.check("PONG" in ask(hosts.on_server, "ping"), "and from the server's host: PONG")
        agent.stop()
    origin.stop()


def passthrough(drill):
    hosts = drill.hosts
    pki = Pki(drill.stage.folder("sealed"))
    name = f"t-sealed.{drill.domain}"
    cert, key = pki.issue("sealed", name)
    origin = drill.stage.start("s_server", hosts.on_laptop(
        "openssl", "s_server", "-accept", f"127.0.0.1:{SEALED}", "-cert", cert, "-key", key, "-www", "-quiet"))
    user = drill.login(drill.make("sealed", "--subdomain", "t-*"))

    def shake_hands(on, at):
        done = subprocess.run(on("openssl", "s_client", "-connect", at, "-servername", name, "-CAfile", str(pki.ca), "-verify_return_error"),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    def is_served(text):
        # It says "Verification: OK" of no certificate as well.
        return "Verification: OK" in text and "BEGIN CERTIFICATE" in text

    drill.wait_for(lambda: is_served(shake_hands(hosts.on_laptop, f"127.0.0.1:{SEALED}")))
    at = f"{hosts.server}:443"
    for rule in (["--deny", hosts.laptop], ["--allow", hosts.server]):
        agent = drill.agent(user, "--protocol", "tls", "--subdomain", "t-sealed", *rule, port=SEALED)
        agent.wait_line("^Forwarding https://")
        text = shake_hands(hosts.on_laptop, at)
        drill.report.check("no peer certificate available" in text,
                           f"openssl s_client from the laptop, {rule[0]}: {next((line for line in text.splitlines() if 'errno' in line or 'error' in line), 'no handshake')!r}")
        drill.report.check(is_served(shake_hands(hosts.on_server, at)), "and from the server's host: the origin's own certificate, verified")
        agent.stop()
    origin.stop()


def no_passwords(drill):
    passwords = drill.stage.folder("raw-guards") / "htpasswd"
    passwords.write_text("alice:$2y$05$" + "a" * 53 + "\n")
    for kind in ("tcp", "tls"):
        agent = drill.agent(drill.stage.folder("nobody"), "--protocol", kind, "--basic-auth-file", str(passwords))
        drill.ends_with(agent, 2, "--basic-auth-file is for --protocol http", f"--basic-auth-file with --protocol {kind}")

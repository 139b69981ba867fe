"""An agent that knows its server by an authority (`--ca`) instead of the key in its token, between the two hosts of the
identity drill."""

import subprocess
from pathlib import Path

import namespaces
from pki import Pki

HTTP, HTTPS, AGENT = 8081, 8443, 9091


def run(drill):
    hosts, stage = drill.hosts, drill.stage
    ours, others = Pki(stage.folder("authority")), Pki(stage.folder("other-authority"))
    cert, key = ours.issue("server", f"*.{drill.domain}", drill.domain, hosts.server)
    server = stage.start("server-certified", hosts.on_server(
        *drill.binaries.server, "--domain", drill.domain, "--http-port", str(HTTP), "--https-port", str(HTTPS), "--cert", cert, "--key", key,
        "--agent-port", str(AGENT), "--state-dir", str(drill.state)))
    server.wait_line("^Ready")
    bare = drill.login(drill.make("certified", "--subdomain", "c-*", "--no-pin", server=f"{hosts.server}:{AGENT}"))
    pinned = drill.login(drill.make("both", "--subdomain", "c-*", server=f"{hosts.server}:{AGENT}"))
    astray = drill.login(drill.make("astray", "--subdomain", "c-*", "--no-pin", server=f"{hosts.alias}:{AGENT}"))

    ca = ["--ca", str(ours.ca)]
    for user, at, environment, what in (
            (bare, ca, {}, "a token without a key, and --ca"),
            (bare, [], {"SSL_CERT_FILE": str(ours.ca)}, "or an authority of the system"),
            (pinned, ca, {}, "--ca counts in place of the key in the token"),
            (bare, [*ca, "--server", f"{hosts.server}:{HTTPS}"], {}, "and at the port of HTTPS")):
        agent = drill.agent(user, "--subdomain", "c-demo", *at, environment=environment)
        agent.wait_line("^Forwarding https://")
        drill.report.check("hello from the laptop" in visit(drill, ours), f"{what}: the tunnel is up across two hosts")
        agent.stop()

    refused(drill, bare, [], "name its authority with --ca", "without --ca the server is not trusted, and the message says what to do")
    refused(drill, bare, ["--ca", str(others.ca)], "name its authority with --ca", "with another authority likewise")
    refused(drill, pinned, ["--ca", str(others.ca)], "name its authority with --ca", "although the token has the right key")
    refused(drill, astray, ["--ca", str(ours.ca)], f"is not for {hosts.alias}", "a certificate of the right authority for another name is refused")
    drill.ends_with(drill.agent(drill.stage.folder("nobody"), "--subdomain", "c-demo", "--server", f"{hosts.server}:{AGENT}"), 3, "Log in with a token",
                    "neither token nor --ca")
    drill.ends_with(drill.agent(bare, "--subdomain", "c-demo", "--ca", key), 2, "holds no certificate", "--ca with a file of something else")

    theirs = others.issue("impostor", drill.domain, hosts.server)
    impostor = namespaces.Impostor(hosts, *theirs)
    user = drill.login(drill.make("misled", "--subdomain", "c-*", "--no-pin", server=f"{hosts.server}:{impostor.port}"))
    refused(drill, user, ["--ca", str(ours.ca)], "is not trusted", "an impostor with a certificate of another authority is refused")
    impostor.stop()
    drill.report.check(impostor.met > 0 and impostor.heard == b"", f"and hears nothing, {impostor.met} times")
    drill.report.check(server.stop() == 0, "the server with a certificate ended in order")


def visit(drill, pki):
    host = f"c-demo.{drill.domain}"
    return subprocess.run(
        drill.hosts.on_laptop("curl", "-s", "-m", "20", "--cacert", str(pki.ca), "--resolve", f"{host}:{HTTPS}:{drill.hosts.server}", f"https://{host}:{HTTPS}/"),
        capture_output=True, text=True, timeout=60, check=False).stdout


def refused(drill, user, options, words, what):
    agent = drill.agent(user, "--subdomain", "c-demo", *options)
    drill.wait_for(lambda: words in Path(agent.log).read_text(errors="replace"))
    drill.report.check(words in Path(agent.log).read_text(errors="replace") and not agent.lines, what)
    agent.stop()

"""The ways to give an agent its token, a name of its own, and the rules about who needs one, between the two hosts of the
identity drill."""

import os
import subprocess
from pathlib import Path

HTTP, AGENT = 8082, 9092


def run(drill):
    token = drill.make("ways", "--subdomain", "w-*", "--hostname", "www.example.org")
    file = drill.stage.folder("ways") / "token"
    file.write_text(token + "\n")
    file.chmod(0o600)
    ways(drill, token, file)
    login_with_the_token(drill, token)
    own_name(drill, file)
    rules(drill, file)


def ways(drill, token, file):
    for way, options, environment in (
            ("--token-file", ["--token-file", str(file)], {}),
            ("TUNNEL_AGENT_TOKEN", [], {"TUNNEL_AGENT_TOKEN": token}),
            ("--token", ["--token", token], {})):
        agent = drill.agent(drill.stage.folder("nobody"), "--subdomain", "w-demo", *options, environment=environment)
        agent.wait_line("^Forwarding ")
        has_warned = "--token" in log(agent)
        drill.report.check("hello from the laptop" in drill.curl("w-demo") and has_warned == (way == "--token"),
                           f"{way}: the tunnel is up{', with a warning' if has_warned else ''}")
        agent.stop()


def login_with_the_token(drill, token):
    folder = drill.stage.folder("login-argument")
    done = subprocess.run([*drill.binaries.agent, "login", token], text=True, capture_output=True, timeout=60, check=False,
                          env={**os.environ, "XDG_CONFIG_HOME": str(folder)})
    drill.said += [done.stdout, done.stderr]
    drill.report.check(done.returncode == 0 and (folder / "tunnel-agent" / "token").read_text().strip() == token, "login TOKEN stores it")


def own_name(drill, file):
    agent = drill.agent(drill.stage.folder("nobody"), "--hostname", "www.example.org", "--token-file", str(file))
    agent.wait_line("^Forwarding ")
    done = subprocess.run(
        drill.hosts.on_laptop("curl", "-s", "-m", "20", "-H", "Host: www.example.org", f"http://{drill.hosts.server}:8080/"),
        capture_output=True, text=True, timeout=60, check=False)
    drill.report.check("hello from the laptop" in done.stdout, "--hostname: a name of its own routes like a subdomain")
    agent.stop()
    other = drill.login(drill.make("without-it", "--subdomain", "x-*"))
    drill.ends_with(drill.agent(other, "--hostname", "www.example.org"), 4, "not among these", "another token cannot have it")


def rules(drill, file):
    """A server that trusts nobody on its own machine, and does not insist on TLS."""
    drill.report.check("Agents on this machine need no token" in log(drill.server), "the log says at the start who needs a token")
    server = drill.stage.start("server-strict", drill.hosts.on_server(
        *drill.binaries.server, "--domain", drill.domain, "--http-port", str(HTTP), "--agent-port", str(AGENT), "--state-dir", str(drill.state),
        "--require-token", "--allow-plaintext-agents"))
    server.wait_line("^Ready")
    # Lines are written behind its back, and may come after Ready.
    drill.report.check(drill.wait_for(lambda: "Every agent needs a token" in log(server) and "--allow-plaintext-agents" in log(server)),
                       "with --require-token it says that, and warns of --allow-plaintext-agents")
    local = drill.stage.start("local-strict", drill.hosts.on_server(*drill.binaries.agent, "--port", "8000", "--subdomain", "free", "--server", f"127.0.0.1:{AGENT}"),
                              environment={"XDG_CONFIG_HOME": str(drill.stage.folder("nobody"))})
    drill.ends_with(local, 3, "tunnel-agent login", "an agent on the server's machine without a token is refused there")
    agent = drill.agent(drill.stage.folder("nobody"), "--subdomain", "w-plain", "--plaintext", "--token-file", str(file), "--server", f"{drill.hosts.server}:{AGENT}")
    agent.wait_line("^Forwarding ")
    drill.report.check(drill.wait_for(lambda: "not encrypted (--plaintext)" in log(agent)), "--plaintext from outside works where it is allowed, and warns")
    agent.stop()
    stranger = drill.agent(drill.stage.folder("nobody"), "--subdomain", "w-plain", "--plaintext", "--server", f"{drill.hosts.server}:{AGENT}")
    drill.ends_with(stranger, 3, "tunnel-agent login", "but not without a token")
    refused = drill.agent(drill.stage.folder("nobody"), "--subdomain", "w-plain", "--plaintext", "--token-file", str(file))
    drill.ends_with(refused, 3, "Do not give --plaintext", "and not where it is not allowed")
    server.stop()


def log(process):
    return Path(process.log).read_text(errors="replace")

"""The units of docs/operating.md as systemd reads them, and a server that systemd's own tool starts with its sockets."""

import re
import subprocess
import threading

import stage as staging


def run(stage, binaries, report, origin_port):
    analyze, activate = staging.find_program("systemd-analyze"), staging.find_program("systemd-socket-activate")
    if analyze is None or activate is None:
        report.figure("skipped: systemd's tools are not here (Debian: apt-get install systemd)")
        return
    verify(stage, binaries, report, analyze)
    activated(stage, binaries, report, activate, origin_port)


def verify(stage, binaries, report, analyze):
    folder = stage.folder("units")
    program = folder / "tunnel-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    # Each unit stands indented below the sentence that ends with its file's name.
    text = (staging.REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    units = re.findall(r"`/etc/systemd/system/(tunnel[^`]*)`:\n\n((?:    .*\n)+)", text)
    for name, body in units:
        body = re.sub("^    ", "", body, flags=re.M).replace("/usr/local/bin/tunnel-server", str(program))
        (folder / name).write_text(body)
        if name == "tunnel.socket":
            (folder / "tunnel-agents.socket").write_text(body.replace("=80\n", "=9090\n").replace("=http\n", "=agent\n"))
    done = subprocess.run([analyze, "verify", *map(str, sorted(folder.glob("tunnel*.s*")))], capture_output=True, text=True,
                          env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"}, timeout=60, check=False)
    said = (done.stdout + done.stderr).strip()
    report.check(len(units) == 2 and done.returncode == 0 and not said,
                 f"systemd reads the {len(units)} units of docs/operating.md without a word" + (f", but: {said}" if said else ""))


def activated(stage, binaries, report, activate, origin_port):
    ports = [staging.free_port(), staging.free_port()]
    server = stage.start("server-activated", [
        activate, "-l", f"127.0.0.1:{ports[0]}", "-l", f"127.0.0.1:{ports[1]}", "--fdname=http:agent",
        *(word for name in ("TUNNEL_SERVER_STATE_DIR", "DOTNET_ROOT") for word in ("-E", name)),
        *binaries.server, "--domain", "localhost"])
    first = []
    # The first connection starts the server, and waits for the agent that comes after it.
    staging.wait_log(server, "Listening on .* as 4")
    visitor = threading.Thread(target=lambda: first.append(staging.get(ports[0], "/", "activated.localhost", 30)[0]))
    visitor.start()
    server.wait_line(rf"^Ready: .*:{ports[0]} for visitors, port {ports[1]} for agents")
    server.agent_port = ports[1]
    agent = stage.agent(binaries, server, origin_port, "activated")
    visitor.join(40)
    codes = [agent.stop(), server.stop()]
    report.check(first == [200] and codes == [0, 0], f"started by systemd-socket-activate: the visitor whose connection did it got {first}; ends {codes}")

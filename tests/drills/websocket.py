"""WebSocket through the tunnel with the npm package ws on both sides, and half-closed raw streams after an upgrade.
The checks themselves are in websocket/visitor.js; this starts the parts and passes its lines on."""

import re
import shutil
import subprocess
import time

import stage as staging


def run(stage, binaries, report, options):
    node, folder = install(stage)
    origin = stage.start("origin", [node, "origin.js"], cwd=folder)
    port = int(origin.wait_line(r"listening (\d+)")[0][1])
    tunnel = stage.tunnel(binaries, port)
    arguments = [node, "visitor.js", str(tunnel.port), tunnel.host] + (["--short"] if options.short else [])
    before = counts(tunnel)
    visitor = stage.start("visitor", arguments, cwd=folder)
    visitor.popen.wait(90 if options.short else 240)
    visitor.stop()
    checks = 0
    for _, line in visitor.lines:
        match = re.match(r"(PASS|FAIL) (.*)", line)
        if match:
            checks += 1
            report.check(match[1] == "PASS", match[2])
        else:
            report.figure(line)
    report.check(visitor.popen.returncode == 0 and checks > 0, f"the visitor ended with {visitor.popen.returncode} after {checks} checks"
                 + ("" if visitor.popen.returncode == 0 else f":\n{visitor.tail()}"))
    deadline = time.monotonic() + 10
    while is_more(after := counts(tunnel), before) and time.monotonic() < deadline:
        time.sleep(0.5)
    report.check(not is_more(after, before), f"descriptors are back: {before} before, {after} after")


def install(stage):
    """The scripts and the package they use, in a folder of the stage: node, and that folder."""
    node, npm = staging.need("node", "npm")
    folder = stage.folder("websocket")
    for source in (staging.HERE / "websocket").iterdir():
        if source.is_file():
            shutil.copy2(source, folder)
    installed = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, capture_output=True,
                               text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    if installed.returncode:
        raise staging.Failure(f"npm ci: {installed.stderr[-500:]}")
    return node, folder


def counts(tunnel):
    return {role: staging.descriptors(pid) for role, pid in tunnel.both.items()}


def is_more(after, before):
    return any(after[role] > before[role] for role in after)

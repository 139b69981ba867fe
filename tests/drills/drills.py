"""The drills' command line: finds the drill by its name, gives it a stage, turns its end into an exit code."""

import argparse
import contextlib
import importlib
import io
import subprocess
import sys
import time

import stage as staging

# Name, seconds the short and the full form may take, and the words for the list. Building is not counted.
DRILLS = {
    "mirror": (120, 600, "a real documentation tree through the tunnel, compared byte by byte"),
    "bigfile": (120, 900, "big downloads and uploads with equal hashes and small memory"),
    "browser": (120, 180, "a headless Chromium loads a page of 300 assets and takes a screenshot"),
    "fairness": (120, 300, "small requests beside bulk and slow readers; what a stalled visitor costs"),
    "failure": (240, 900, "agent, server and origin killed under load; what is left over afterwards"),
    "vanished": (180, 300, "the host of an origin or of a visitor is suddenly not there; nobody hangs, and who merely reads nothing lives on"),
    "attack": (120, 900, "slow heads, slow readers, stalled uploads and a flood at once, beside an ordinary visitor"),
    "idle": (120, 300, "10,000 visitors that keep their connections and send nothing: bytes for each"),
    "contained": (120, 900, "both programs in small containers under visitors and origins that read nothing"),
    "apps": (300, 1500, "Vite, socket.io, a video, an upload form and Jupyter, used in a real browser"),
    "endless": (120, 1800, "bodies of 20 GiB each way, every byte compared, with flat memory"),
    "fuzz": (240, 3600, "every fuzz target of the tests, half an hour each, all at once"),
    "many": (120, 300, "64 tunnels of one agent, one of them changed a hundred times under load: the others lose nothing"),
    "roaming": (180, 600, "the link across a network that loses packets, goes silent, resets, and changes the laptop's address"),
    "churn": (120, 900, "100,000 requests while the link is reset 1,000 times; what is held afterwards"),
    "resume": (180, 900, "the link breaks under transfers, WebSocket messages and small requests; nobody loses a byte"),
    "lossy": (180, 1500, "the same transfers over a path that is also slow and loses packets"),
    "tls": (240, 1200, "openssl, curl, sslscan, testssl.sh and Chromium against HTTPS and passthrough; certificates renewed under load"),
    "raw": (240, 900, "PostgreSQL, Redis, ssh, rsync and git over TCP tunnels; PROXY protocol to nginx"),
    "takeover": (120, 900, "agents killed and restarted, servers replaced, a pool rolled over, a herd: no request fails"),
    "websocket": (120, 300, "WebSocket with the npm package ws, and half-closed raw streams"),
    "identity": (240, 900, "tokens, the encrypted link, proxies and guards between two network namespaces"),
    "logins": (120, 180, "curl logs in with NTLM through the tunnel under load, and nobody is taken for somebody else"),
    "service": (240, 240, "both programs as services of a systemd of its own: made, killed, changed, removed, as a person does it"),
    "native": (180, 180, "both native binaries: size, start-up, memory at rest"),
}
# These run the tests' code instead of the programs.
WITHOUT_PROGRAMS = {"fuzz"}
BUILD_SECONDS = 600


def run_one(name, options):
    module = importlib.import_module(name)
    seconds = DRILLS[name][0 if options.short else 1] * options.patience
    report = staging.Report(name)
    started = time.monotonic()
    try:
        with staging.Stage(name, BUILD_SECONDS, options.logs) as stage:
            native = options.native or name == "native"
            binaries = None if name in WITHOUT_PROGRAMS else staging.build(stage, native)
            # From here on the drill's own limit counts.
            stage.limit(seconds)
            module.run(stage, binaries, report, options)
    except (staging.Failure, OSError, subprocess.SubprocessError) as failure:
        report.check(False, str(failure) or type(failure).__name__)
    report.figure(f"took {time.monotonic() - started:.0f} s, building included")
    return report.failures


def run_brief(name, options):
    """One line for a drill that passes; for one that does not, all that it said."""
    said = io.StringIO()
    started = time.monotonic()
    with contextlib.redirect_stdout(said):
        failures = run_one(name, options)
    end = f"FAILED\n{said.getvalue()}" if failures else f"passed in {time.monotonic() - started:.0f} s"
    print(f"drill {name}: {end}", flush=True)
    return failures


def main():
    listing = "\n".join(f"  {name:<10} {words}" for name, (_, _, words) in DRILLS.items())
    parser = argparse.ArgumentParser(
        prog="tests/drills/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Long runs against both programs as separate processes, all on loopback.",
        epilog=f"drills:\n{listing}")
    parser.add_argument("drill", choices=[*DRILLS, "all"], metavar="DRILL", nargs="+", help="which ones, or all; what they drill is built once")
    parser.add_argument("--short", action="store_true", help="the form for the test gate: seconds instead of minutes")
    parser.add_argument("--brief", action="store_true", help="one line for each drill that passes")
    parser.add_argument("--native", action="store_true", help="drill the native binaries instead of the Release build")
    parser.add_argument("--patience", type=int, default=1, metavar="N", help="multiplies every drill's time limit")
    parser.add_argument("--logs", metavar="FOLDER", help="where to leave the logs of all processes")
    parser.add_argument("--screenshot", metavar="FILE", help="where the browser drill leaves its picture (PNG), and a folder for those of the apps drill")
    parser.add_argument("--tree", metavar="FOLDER", default="/usr/share/doc", help="what the mirror drill mirrors")
    parser.add_argument("--seconds", type=int, metavar="N", help="how long the fuzz drill runs each target")
    parser.add_argument("--gib", type=int, metavar="N", help="how much the endless drill sends each way")
    parser.add_argument("--only", metavar="WORD", help="only the fuzz targets with WORD in their name")
    parser.add_argument("--rounds", type=int, metavar="N", help="kills of each victim in the failure drill, breaks of the link in the resume drill")
    parser.add_argument("--seed", type=int, help="makes the moments of the failure and resume drills the same again")
    options = parser.parse_args()
    names = list(DRILLS) if "all" in options.drill else options.drill
    run = run_brief if options.brief else run_one
    failures = sum(run(name, options) for name in names)
    if len(names) > 1:
        print(f"{'FAIL' if failures else 'PASS'} all: {failures} failure(s) in {len(names)} drills")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

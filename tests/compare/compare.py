"""Measures the contestants side by side: same origin, same load generator, in turns, several rounds. Prints a
Markdown table of minimum, median and maximum, and of the ratios to the reference measured in the same round."""

import argparse
import functools
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "drills"))

import contestants as cast  # noqa: E402
import crowd  # noqa: E402
import stage as staging  # noqa: E402
import works as programme  # noqa: E402

LIMIT_SECONDS = {True: 900, False: 5400}


def say(text):
    print(text, file=sys.stderr, flush=True)


def origin(stage, effort):
    folder = stage.folder("files")
    for path, size in ((programme.SMALL, 1024), (programme.MEDIUM, 100 * 1024)):
        (folder / path[1:]).write_bytes(os.urandom(size))
    for path, mib in ((programme.BULK, effort.bulk_mib), (programme.SHARE, effort.bulk_mib // programme.DOWNLOADERS),
                      (programme.ENDLESS, staging.MIB)):
        staging.sparse_file(folder / path[1:], mib * staging.MIB)
    # nginx itself would write an upload to a disk, or answer before it has read it.
    socket = stage.folder("sink") / "socket"
    sink = stage.start("sink", [sys.executable, "-B", str(Path(__file__).resolve().parent / "sink.py"), str(socket)])
    sink.wait_line("^ready$")
    uploads = (f"location = {programme.SINK} {{ proxy_pass http://unix:{socket}; proxy_http_version 1.1; "
               "proxy_request_buffering off; client_body_buffer_size 256k; }")
    # Every contestant fetches from this one; its own share of the machine is the same for all.
    return stage.nginx("origin", staging.files_server(folder, f"open_file_cache max=100; open_file_cache_valid 300s; {uploads}"),
                       connections=cast.CONNECTIONS)


def enter(options):
    """Who takes part, and what those lack that do not."""
    entered, absent = [], []
    for one in cast.CONTESTANTS + (cast.before(options.before) if options.before else []):
        if one.key.endswith("native") and not options.native:
            continue
        if options.among and one.key not in [cast.REFERENCE, *options.among]:
            continue
        if one.is_guest:
            if all(staging.find_program(name) for name in one.programs):
                entered.append(one)
            continue
        try:
            staging.need(*one.programs)
            entered.append(one)
        except staging.Failure as lack:
            absent.append(f"{one.label} {lack}")
    return entered, absent


def begin(theatre, entered, port, absent, is_secure):
    """contestant key -> the running contestant. Who is optional and does not start is added to the absent ones."""
    field = {}
    for one in entered:
        try:
            field[one.key] = one.start(theatre, port)
        except (staging.Failure, subprocess.SubprocessError) as reason:
            if not one.programs or isinstance(reason, staging.OutOfTime):
                raise
            absent.append(f"{one.label} does not start: {reason}")
            continue
        field[one.key].again = functools.partial(one.start, theatre, port)
        if is_secure and one.start_secure:
            field[one.key].secure = one.start_secure(theatre, port)
    return field


def measure(bench, field, works, effort):
    """figure key -> contestant key -> one value per round (None where it failed), and what failed."""
    results, problems = {}, []
    for number in range(effort.rounds):
        for work in works:
            if number >= work.most_rounds:
                continue
            # Everybody's turn comes first once: what the turn before leaves behind hits nobody always.
            order = list({key: one.secure for key, one in field.items() if one.secure}.items() if work.is_secure else field.items())
            shift = number % len(order)
            for key, running in order[shift:] + order[:shift]:
                try:
                    figures = work.measure(bench, running, effort)
                except (staging.Failure, OSError) as problem:
                    if isinstance(problem, staging.OutOfTime):
                        raise
                    problems.append(f"{key}, {work.key}, round {number + 1}: {problem}")
                    say(f"  PROBLEM {problems[-1]}")
                    figures = {}
                for figure in work.figures:
                    results.setdefault(figure.key, {}).setdefault(key, []).append(figures.get(figure.key))
        say(f"  round {number + 1} of {effort.rounds}")
    return results, problems


def spread(values, digits):
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    return " / ".join(f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def ratios(values, reference):
    return [value / base for value, base in zip(values, reference) if value is not None and base and base > 0]


def table(results, works, labels):
    head = "| work | contestant | min / median / max | × nginx twice, same round |"
    lines = [head, "|---|---|---|---|"]
    for work in works:
        for figure in work.figures:
            by_contestant = results.get(figure.key, {})
            better = "more is better" if figure.more_is_better else "less is better"
            name = f"**{figure.label}**, {figure.unit} ({better})"
            for key, values in by_contestant.items():
                if all(value is None for value in values):
                    continue
                ratio = "1" if key == cast.REFERENCE else spread(ratios(values, by_contestant[cast.REFERENCE]), 2)
                lines.append(f"| {name} | {labels[key]} | {spread(values, figure.digits)} | {ratio} |")
                name = ""
    return "\n".join(lines)


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        # nginx and wrk give their version on the error output.
        return (done.stdout + done.stderr).strip().split("\n")[0]
    except OSError:
        return "unknown"


def machine():
    processor = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    commit = first_line("git", "-C", str(staging.REPOSITORY), "log", "-1", "--format=%h of %cs")
    changes = first_line("git", "-C", str(staging.REPOSITORY), "status", "--porcelain", "--", "src")
    return [
        f"Machine: {os.cpu_count()} cores, {processor[1] if processor else platform.machine()}, "
        f"{system[1] if system else platform.system()}, Linux {platform.release()}; everything on loopback.",
        f"Versions: commit {commit}{' with changes' if changes else ''}, .NET SDK {first_line('dotnet', '--version')}, "
        f"{first_line(staging.find_program('nginx'), '-v').replace('nginx version: ', '')}, {first_line('wrk', '-v').split(' Copyright')[0]}, "
        f"{' '.join(first_line('curl', '--version').split()[:2])}, "
        f"{' '.join(first_line(staging.find_program('haproxy') or 'haproxy', '-v').split()[:3])}, {first_line('ssh', '-V').split(',')[0]}.",
    ]


def parse():
    parser = argparse.ArgumentParser(prog="tests/compare/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some four minutes with warm-up, for a first look")
    parser.add_argument("--native", action="store_true", help="the native build as well")
    parser.add_argument("--before", metavar="FOLDER", type=Path, help="another checkout of this project, measured beside this one")
    parser.add_argument("--among", metavar="WHO,...", help=f"some of the contestants, and {cast.REFERENCE} always")
    parser.add_argument("--rounds", type=int, metavar="N", help="how many rounds")
    parser.add_argument("--only", metavar="WORK,...", help="some of: " + ", ".join(work.key for work in programme.WORKS))
    options = parser.parse_args()
    keys = [work.key for work in programme.WORKS]
    options.works = options.only.split(",") if options.only else keys
    for key in options.works:
        if key not in keys:
            parser.error(f"there is no work {key!r}; there are {', '.join(keys)}")
    if options.before:
        options.before = options.before.resolve()
        if not (options.before / "src" / "Tunnel.Server").is_dir() or options.before == staging.REPOSITORY:
            parser.error(f"--before {options.before} is no other checkout of this project")
    options.among = options.among.split(",") if options.among else []
    contestants = [one.key for one in cast.CONTESTANTS + cast.before(options.before)]
    for key in options.among:
        if key not in contestants:
            parser.error(f"there is no contestant {key!r}; there are {', '.join(contestants)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds needs 1 or more")
    return options


def main():
    options = parse()
    effort = programme.QUICK if options.quick else programme.FULL
    if options.rounds:
        effort = programme.dataclasses.replace(effort, rounds=options.rounds)
    works = [work for work in programme.WORKS if work.key in options.works]
    try:
        staging.need("nginx", "wrk", "curl", "dotnet")
        with staging.Stage("compare", LIMIT_SECONDS[options.quick]) as stage:
            entered, absent = enter(options)
            crowd.need_descriptors(effort.idle_visitors + 1000)
            say("building and starting")
            port = origin(stage, effort).port
            theatre = cast.Theatre(stage)
            field = begin(theatre, entered, port, absent, any(work.is_secure for work in works))
            bench = programme.Bench(stage)
            say("warming up")
            started = time.monotonic()
            for key, running in field.items():
                # A just-in-time compiler needs thousands of requests and some seconds before it is at its best.
                seconds = 1 if key == "direct" else effort.warm_up_seconds
                bench.load(running, programme.SMALL, 64, seconds)
                bench.load(running, programme.SMALL, 1, 1)
                bench.download(running, effort)
                if running.secure:
                    bench.load(running.secure, programme.SMALL, 64, seconds)
            load_before = os.getloadavg()[0]
            results, problems = measure(bench, field, works, effort)
            seconds = time.monotonic() - started
    except (staging.Failure, OSError) as failure:
        say(f"FAIL compare: {failure}")
        return 1
    labels = {one.key: one.label for one in entered}
    print("\n".join(machine()))
    print(f"Measured in {effort.rounds} interleaved rounds, {seconds:.0f} s with warm-up; small GET 1 KiB, "
          f"bulk {effort.bulk_mib} MiB in all, {effort.idle_visitors:,} idle visitors; "
          f"load average before {load_before:.1f}, after {os.getloadavg()[0]:.1f}.\n")
    print(table(results, works, labels))
    if absent:
        print("\nNot measured:\n" + "\n".join(f"- {lack}" for lack in absent))
    if problems:
        print("\nProblems:\n" + "\n".join(f"- {problem}" for problem in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

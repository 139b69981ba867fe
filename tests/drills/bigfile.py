"""A file much bigger than any window goes down and up with the same SHA-256, while neither program's memory ever
passes 150 MiB."""

import hashlib
import os
import subprocess
import sys
import time

import stage as staging

MEMORY_MIB = 150
PIECE = staging.MIB


def run(stage, binaries, report, options):
    (curl,) = staging.need("curl")
    size = 64 * staging.MIB if options.short else 2048 * staging.MIB
    folder = stage.folder("big")
    expected = write_file(folder / "big", size)
    origin = stage.start("origin", [sys.executable, "-B", str(staging.HERE / "hashing_origin.py"), str(folder)])
    port = int(origin.wait_line(r"listening (\d+)")[0][1])
    tunnel = stage.tunnel(binaries, port)
    visitor = [curl, "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--max-time", "600", "-H", f"Host: {tunnel.host}"]
    upload = [*visitor, "-T", str(folder / "big"), tunnel.url("/upload")]

    def step(name, transfer):
        started = time.monotonic()
        got = transfer()
        seconds = time.monotonic() - started
        report.check(got == (expected, size), f"{name} of {size // staging.MIB} MiB, {size / seconds / 1e6:.0f} MB/s, "
                     + ("equal SHA-256" if got == (expected, size) else f"got {got}, expected {(expected, size)}"))
        report.figure("highest memory so far: " + peaks(tunnel))

    step("download", lambda: hash_output([*visitor, tunnel.url("/big")]))
    step("upload with Content-Length", lambda: answer(upload))
    step("chunked upload", lambda: answer([*upload, "-H", "Transfer-Encoding: chunked"]))
    step("four downloads at once, one of them", lambda: side_by_side([*visitor, tunnel.url("/big")], 4))
    for role, pid in tunnel.both.items():
        peak = staging.peak_rss_mib(pid)
        report.check(peak < MEMORY_MIB, f"the {role}'s memory stayed below {MEMORY_MIB} MiB: {peak:.0f} MiB at its highest")


def write_file(path, size):
    # Each MiB begins with its number, so that pieces in the wrong order are seen.
    filling, digest = os.urandom(PIECE - 8), hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(size // PIECE):
            piece = number.to_bytes(8, "big") + filling
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def hash_output(command):
    digest, size = hashlib.sha256(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=staging.die_with_parent) as visitor:
        while piece := visitor.stdout.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return (digest.hexdigest(), size) if visitor.returncode == 0 else f"curl's exit code {visitor.returncode}"


def side_by_side(command, count):
    others = [subprocess.Popen([*command, "-o", os.devnull], preexec_fn=staging.die_with_parent) for _ in range(count - 1)]
    got = hash_output(command)
    failed = [other.wait() for other in others if other.wait() != 0]
    return f"curl's exit codes {failed}" if failed else got


def answer(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return (words[0], int(words[1])) if done.returncode == 0 and len(words) == 2 else f"{done.stdout}{done.stderr}"


def peaks(tunnel):
    return ", ".join(f"{role} {staging.peak_rss_mib(pid):.0f} MiB" for role, pid in tunnel.both.items())

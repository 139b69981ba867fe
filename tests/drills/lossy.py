"""The transfers of the resume drill over a path of 80 ms that also loses one packet in fifty each way: in a namespace of this
drill's own, whose kernel drops them between the relay and the server."""

import random
import subprocess

import namespaces
import resume
import stage as staging

DELAY_MILLISECONDS = 40
LOSS_PER_CENT = 2


def run(stage, binaries, report, options):
    reason = namespaces.why_not()
    if reason:
        report.figure(f"skipped: {reason}")
        return
    staging.need("nft")
    size = (16 if options.short else 1024) * staging.MIB
    cuts = options.rounds or (3 if options.short else 50)
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    report.figure(f"seed {seed}: --seed {seed} has the same moments again")
    with namespaces.Own():
        scene = resume.Scene(stage, binaries, size, delay=DELAY_MILLISECONDS)
        drops = [f"add rule inet drill in tcp {end} {scene.server.agent_port} numgen random mod 100 < {LOSS_PER_CENT} counter drop"
                 for end in ("dport", "sport")]
        nft("; ".join(["add table inet drill", "add chain inet drill in { type filter hook input priority 0; }", *drops]))
        resume.transfers(scene, report, "80 ms away, lossy and cut", cuts, random.Random(seed))
        report.check("packets 0 " not in nft("list table inet drill"), "packets were lost in both directions")
        scene.end(report)


def nft(words):
    return subprocess.run(["nft", words], capture_output=True, text=True, timeout=30, check=True).stdout

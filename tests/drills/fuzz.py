"""Every fuzz target of the tests, each in a process of its own for as long as asked: parsers in both directions, whole
connections, frames, messages, sessions. Half an hour each (short: seconds); a finding is printed with its input.

The targets, their seeds and what must hold stand in tests/*/Fuzz; with a fixed seed they are part of `dotnet test`.
"""

import os
import re
import subprocess
import threading
import time

import stage as staging

FULL_SECONDS, SHORT_SECONDS = 1800, 2
TARGETS = {
    "Tunnel.Http.Tests": [
        "RequestHead_Mutated_KeepsItsInvariants",
        "ResponseHead_Mutated_KeepsItsInvariants",
        "ChunkedBody_Mutated_KeepsItsInvariants",
        "RequestBody_MutatedAndReframed_MeansTheSame",
        "AnswerBody_MutatedAndReframed_MeansTheSame",
        "RequestsOfAConnection_Mutated_AreTheSameMessagesInCanonicalForm",
        "AnswersOfAConnection_Mutated_AreTheSameMessagesInCanonicalForm",
    ],
    "Tunnel.Framing.Tests": [
        "History_LinksCutAnywhere_EveryStreamArrivesOnceAndInOrder",
        "Frames_Mutated_AreReadOrRefused",
        "Messages_Mutated_AreReadOrRefused",
        "Messages_ThatWereRead_AreWrittenAndReadAgain",
        "Session_FedWithSpoiltConversations_AlwaysEndsAndLeaksNothing",
        "ServersSession_FedWithSpoiltAnswers_AlwaysEndsAndLeaksNothing",
        "Streams_TreatedAtRandom_KeepTheirPromisesAndLeaveNothing",
    ],
}


def run(stage, binaries, report, options):
    seconds = options.seconds or (SHORT_SECONDS if options.short else FULL_SECONDS)
    (dotnet,) = staging.need("dotnet")
    copies = {}
    for project in TARGETS:
        copies[project] = stage.folder(project)
        done = subprocess.run(
            [dotnet, "build", str(staging.REPOSITORY / "tests" / project), "-c", "Release", "--nologo", "-v", "quiet",
             "-p:UseAppHost=false", "--artifacts-path", str(stage.folder("built")), "-o", str(copies[project])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL,
            check=False, timeout=600)
        if done.returncode != 0:
            raise staging.Failure(f"the build failed:\n{done.stdout[-2000:]}")

    def fuzz(project, target):
        started = time.monotonic()
        done = subprocess.run(
            [dotnet, "test", str(copies[project] / f"{project}.dll"), "--filter", f"FullyQualifiedName~.{target}",
             "--logger", "console;verbosity=detailed"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL,
            env=dict(os.environ, TUNNEL_FUZZ_SECONDS=str(seconds)), check=False, timeout=seconds + 600,
            preexec_fn=polite)
        inputs = re.search(r"^\s*(\d+) inputs.*$", done.stdout, re.MULTILINE)
        is_right = done.returncode == 0 and inputs is not None and int(inputs[1]) > 0
        text = f"{target}: {inputs[0].strip() if inputs else 'no inputs'} in {time.monotonic() - started:.0f} s"
        finding = "" if is_right else "\n" + "\n".join(done.stdout.splitlines()[:60])
        with lock:
            report.check(is_right, text + finding)

    lock = threading.Lock()
    threads = [threading.Thread(target=fuzz, args=(project, target)) for project, targets in TARGETS.items() for target in targets
               if not options.only or options.only in target]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def polite():
    staging.die_with_parent()
    os.nice(19)

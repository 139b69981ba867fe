"""What happens to a program as a process: signals, pipes that nobody reads, disks that are full or read-only, libraries that
are missing, descriptors that run out. Part of the drills `failure` (compiled while it runs) and `native`."""

import contextlib
import http.client
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import time

import stage as staging


def run(stage, binaries, report):
    hangups(stage, binaries, report)
    terminal(stage, binaries, report)
    unread(stage, binaries, report)
    descriptors(stage, binaries, report)
    if os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0:
        disks(stage, binaries, report)
        without_openssl(stage, binaries, report)
    else:
        report.figure("no root: full disks and a missing OpenSSL are left out")


def command_of(binaries, stage, *more, state=None):
    return [*binaries.server, "--bind", "127.0.0.1", "--http-port", "0", "--agent-port", "0", "--hold", "0", "--max-connections", "500",
            "--state-dir", str(state or stage.folder("process-state")), *map(str, more)]


def start(stage, name, command, **more):
    process = stage.start(name, command, **more)
    match, _ = process.wait_line(r"^Ready: http://\*\.localhost(?::(\d+))? for visitors, port (\d+) for agents")
    process.http_port, process.agent_port = int(match[1] or 80), int(match[2])
    return process


def timed_wait(popen, seconds=20):
    """The exit code and how long it took, or None where it never ends."""
    began = time.monotonic()
    try:
        return popen.wait(seconds), time.monotonic() - began
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
        return None, seconds


def hangups(stage, binaries, report):
    """SIGHUP: a service reloads, what nohup started does not notice."""
    log = stage.folder("process") / "access.log"
    server = start(stage, "hangup-server", ["setsid", *command_of(binaries, stage, "--access-log", log)])
    agent = stage.start("hangup-agent", ["setsid", *binaries.agent, "--subdomain", "hup", "--port", "1", "--server", f"127.0.0.1:{server.agent_port}"])
    agent.wait_line("^Forwarding ")
    staging.get(server.http_port, "/before", "nobody.localhost")
    staging.wait_log(server, "Tunnel hup.localhost is served")
    deadline = time.monotonic() + 10
    while "/before" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    log.rename(f"{log}.1")
    os.kill(server.pid, signal.SIGHUP)
    os.kill(agent.pid, signal.SIGHUP)
    staging.wait_log(server, "Reloading, as SIGHUP asks")
    staging.wait_log(agent, "nothing to reload")
    staging.get(server.http_port, "/after", "nobody.localhost")
    codes = agent.stop(), server.stop()
    report.check(codes == (0, 0) and "/before" not in log.read_text() and "/after" in log.read_text(),
                 f"SIGHUP without a terminal: both go on, the access log is the new file, exit codes {codes}")

    quiet = start(stage, "nohup", ["nohup", *command_of(binaries, stage)])
    os.kill(quiet.pid, signal.SIGHUP)
    status = staging.get(quiet.http_port, "/", "nobody.localhost")[0]
    report.check(status == 404 and "SIGHUP" not in quiet.tail(50) and quiet.stop() == 0, "SIGHUP after nohup: nothing happens")


def terminal(stage, binaries, report):
    """The terminal that a program was started in is closed."""
    command = command_of(binaries, stage)
    pid, terminal_end = pty.fork()
    if pid == 0:
        staging.die_with_parent()
        os.execvp(command[0], command)
    seen = b""
    while b"Ready: " not in seen:
        seen += os.read(terminal_end, 4096)
    os.close(terminal_end)
    deadline = time.monotonic() + 20
    done, status = 0, 0
    while not done and time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    if not done:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    report.check(done and os.waitstatus_to_exitcode(status) == 0, "its terminal is closed: it stops as asked")


def unread(stage, binaries, report):
    """Pipes whose reader has stopped reading: everything else goes on, and every stop ends."""
    folder = stage.folder("process")
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    done = subprocess.run(command_of(binaries, stage, "--access-log", fifo), capture_output=True, text=True, check=False, timeout=20)
    report.check(done.returncode == 2 and "a FIFO that nobody reads" in done.stderr, f"access log into a FIFO without a reader: exit code {done.returncode}")

    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    for what, signals in (("one signal", 1), ("a second signal", 2)):
        server = start(stage, f"unread-{signals}", command_of(binaries, stage, "--access-log", fifo))
        fill(server.http_port)
        server.popen.terminate()
        if signals == 2:
            staging.wait_log(server, "Stopping")
            server.popen.terminate()
        code, seconds = timed_wait(server.popen)
        # In order it says what was lost; at once it says nothing any more.
        right = code == 0 and "access log were lost" in server.tail() if signals == 1 else code is not None and seconds < 5
        report.check(right, f"access log into a FIFO that nobody reads, {what}: exit code {code} after {seconds:.1f} s")
    os.close(reader)

    end, blocked = os.pipe()
    popen = subprocess.Popen(command_of(binaries, stage, "--log-level", "trace"), stdout=subprocess.PIPE, stderr=blocked,
                             stdin=subprocess.DEVNULL, preexec_fn=staging.die_with_parent)
    os.close(blocked)
    line = popen.stdout.readline().decode()
    fill(int(line.split("localhost:")[1].split()[0]))
    popen.terminate()
    code, seconds = timed_wait(popen)
    report.check(code == 0, f"log into a pipe that nobody reads: exit code {code} after {seconds:.1f} s")
    os.close(end)


def fill(port):
    """More lines than a pipe takes; whoever is asked answers each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(400):
        connection.request("GET", "/" + "a" * 1000, headers={"Host": "nobody.localhost"})
        connection.getresponse().read()
    connection.close()


def descriptors(stage, binaries, report):
    """The limit is raised as far as it may be; an agent that has none left says so, and not that the origin refused."""
    low = ["prlimit", "--nofile=200:400"]
    server = start(stage, "few", [*low, *command_of(binaries, stage)])
    soft = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[0]
    said = "may open 400 files and connections, and --max-connections 500" in server.tail(50)
    report.check(soft == 400 and said, f"started with 200 of at most 400 descriptors: {soft}, and {'said' if said else 'not said'} that it is too few")
    server.stop()

    # Takes connections, and lets go of them when all have been asked for.
    origin = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = start(stage, "many", command_of(binaries, stage))
    # Of these the program keeps 64 for itself.
    low = staging.Binaries("few", binaries.server, ["prlimit", "--nofile=260:260", *binaries.agent])
    agent = stage.agent(low, server, origin.getsockname()[1], "few")
    host = f"few.localhost:{server.http_port}"
    waiting = [http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30) for _ in range(250)]
    for connection in waiting:
        connection.request("GET", "/", headers={"Host": host})
    answers = []
    ready, _, _ = select.select([connection.sock for connection in waiting], [], [], 10)
    time.sleep(0.5)
    origin.settimeout(0.2)
    with contextlib.suppress(OSError):
        while True:
            origin.accept()[0].close()
    origin.close()
    for connection in waiting:
        answer = connection.getresponse()
        answer.read()
        answers.append((answer.status, answer.headers.get("Tunnel-Error")))
        connection.close()
    seen = {answer: answers.count(answer) for answer in sorted(set(answers), key=str)}
    report.check((503, "too-busy") in seen and (502, "origin-refused") not in seen, f"an agent without descriptors: {seen}")
    codes = agent.stop(), server.stop()
    report.check(ready and codes == (0, 0), f"and it stops as asked: exit codes {codes}")


@contextlib.contextmanager
def small_disk(folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def disks(stage, binaries, report):
    """A server that has its key serves from a disk that takes nothing; one that has none says why it cannot begin."""
    folder = stage.folder("disk")
    with small_disk(folder):
        first, second = folder / "first", folder / "second"
        second.mkdir()
        start(stage, "disk-first", command_of(binaries, stage, state=first)).stop()
        with contextlib.suppress(OSError):
            (folder / "fill").write_bytes(bytes(100_000))
        for what in ("full", "read-only"):
            if what == "read-only":
                (folder / "fill").unlink()
                subprocess.run(["mount", "-o", "remount,ro", folder], check=True, capture_output=True)
            server = start(stage, f"disk-{what}", command_of(binaries, stage, state=first))
            said = "cannot be written" in server.tail(50)
            report.check(said and server.stop() == 0, f"a {what} disk, and the key is there: served, and said")
            began = time.monotonic()
            done = subprocess.run(command_of(binaries, stage, state=second), capture_output=True, text=True, check=False, timeout=30)
            report.check(done.returncode == 1 and done.stderr.count("\n") == 1 and time.monotonic() - began < 9,
                         f"a {what} disk, and no key: exit code {done.returncode}, {done.stderr.strip()!r}")


def without_openssl(stage, binaries, report):
    hide = "for file in $(ldconfig -p | sed -n 's/.*=> \\(.*libssl\\.so.*\\)/\\1/p'); do mount --bind /dev/null \"$(readlink -f \"$file\")\" || exit 9; done; exec \"$@\""
    for program in (command_of(binaries, stage), [*binaries.agent, "--port", "1"]):
        done = subprocess.run(["unshare", "-m", "sh", "-c", hide, "sh", *program], capture_output=True, text=True, check=False, timeout=30,
                              env={**os.environ, "XDG_STATE_HOME": str(stage.folder("state")), "XDG_CONFIG_HOME": str(stage.folder("config"))})
        report.check(done.returncode == 2 and done.stderr.startswith("OpenSSL is missing") and done.stderr.count("\n") == 1,
                     f"without OpenSSL: exit code {done.returncode}, {done.stderr.strip()[:120]!r}")

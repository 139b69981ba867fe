"""Programs that are not HTTP over TCP tunnels: PostgreSQL, Redis, ssh, rsync and git; half-closes seen on both sides; and
nginx as origin that learns the visitor from a PROXY header."""

import getpass
import hashlib
import json
import os
import pwd
import re
import socket
import subprocess
import threading
from pathlib import Path

import stage as staging


def run(stage, binaries, report, options):
    first = staging.free_port()
    log = stage.folder("access") / "log"
    server = stage.start("server", [*binaries.server, "--domain", "localhost", "--bind", "127.0.0.1", "--http-port", "0", "--agent-port", "0",
                                    "--state-dir", str(stage.folder("state")), "--tcp-ports", f"{min(first, 65000)}-{min(first, 65000) + 200}",
                                    "--access-log", str(log), "--access-log-format", "json"])
    server.agent_port = int(server.wait_line(r"^Ready: .* port (\d+) for agents")[0][1])

    def tunnel(name, port, *more):
        agent = stage.start(f"agent-{name}", [*binaries.agent, "--protocol", "tcp", "--port", str(port), "--local-host", "127.0.0.1",
                                              "--server", f"127.0.0.1:{server.agent_port}", *more])
        return int(agent.wait_line(r"^Forwarding tcp://localhost:(\d+) ")[0][1])

    half = half_close(report, tunnel)
    redis(stage, report, tunnel, options)
    postgresql(stage, report, tunnel, options)
    shells(stage, report, tunnel)
    proxied(stage, report, tunnel)
    report.check(server.is_running and server.stop() == 0, "the server ended in order")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [line for line in lines if line["name"] == f"tcp:{half}"]
    report.check(len(mine) == 1 and (mine[0]["bytesIn"], mine[0]["bytesOut"], mine[0]["end"]) == (1_000_000, 1_000_016, "closed"),
                 f"the access log has {len(lines)} lines, and of the half-closed connection {mine}")
    ends = sorted({line["end"] for line in lines})
    report.check(ends in (["closed"], ["closed", "visitor-reset"]), f"how they ended: {', '.join(ends)}")


def half_close(report, tunnel):
    """Each side ends its sending and still hears the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got = {}

        def origin():
            connection, _ = listener.accept()
            with connection:
                data = b""
                while part := connection.recv(65536):
                    data += part
                got["origin"] = hashlib.sha256(data).hexdigest()
                connection.sendall(b"after your end: " + b"x" * 1_000_000)

        thread = threading.Thread(target=origin, daemon=True)
        thread.start()
        public = tunnel("half", listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", public), 10) as visitor:
            sent = os.urandom(1_000_000)
            visitor.sendall(sent)
            visitor.shutdown(socket.SHUT_WR)
            answer = b""
            while part := visitor.recv(65536):
                answer += part
        thread.join(10)
        report.check(got.get("origin") == hashlib.sha256(sent).hexdigest() and len(answer) == 1_000_016,
                     f"the origin saw the visitor's end and all before it; the visitor {len(answer)} bytes after it, then the origin's end")
        return public


def redis(stage, report, tunnel, options):
    program, benchmark = staging.need("redis-server", "redis-benchmark")
    port = staging.free_port()
    process = stage.start("redis", [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(stage.folder("redis"))])
    staging.wait_port(port, 10, process)
    public = tunnel("redis", port)
    requests = "2000" if options.short else "100000"
    done = subprocess.run([benchmark, "-h", "127.0.0.1", "-p", str(public), "-n", requests, "-c", "20", "-t", "set,get,lpush,lrange_100", "-d", "1000", "--csv"],
                          capture_output=True, text=True, check=False, timeout=300)
    rows = [line for line in done.stdout.splitlines() if line.startswith('"') and "test" not in line.split(",")[0]]
    report.check(done.returncode == 0 and len(rows) >= 4, f"redis-benchmark, {requests} requests each: " + "; ".join(" ".join(row.replace('"', "").split(",")[:2]) for row in rows) + done.stderr[-200:])


def postgresql(stage, report, tunnel, options):
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []
    if not homes:
        staging.need("psql", "pgbench")
        staging.need("initdb") if not Path("/usr/lib/postgresql").exists() else None
        homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    home = homes[-1]
    folder = stage.folder("postgresql")
    os.chmod(folder, 0o700)
    user, prefix = getpass.getuser(), []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        account = pwd.getpwnam("postgres")
        for path in (folder.parent,):
            os.chmod(path, 0o711)
        os.chown(folder, account.pw_uid, account.pw_gid)
        user, prefix = "postgres", ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    data = folder / "data"
    done = subprocess.run([*prefix, str(home / "initdb"), "-D", str(data), "-A", "trust", "-U", "drill", "--no-sync"], capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise staging.Failure(f"initdb as {user}: {done.stderr[-300:]}")
    port = staging.free_port()
    process = stage.start("postgres", [*prefix, str(home / "postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                                       "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"], cwd=folder)
    staging.wait_port(port, 30, process)
    over_port = tunnel("postgres", port)
    where = ["-h", "127.0.0.1", "-p", str(over_port), "-U", "drill"]
    done = subprocess.run([str(home / "psql"), *where, "-d", "postgres", "-Atc", "select sum(n) from generate_series(1, 200000) n"], capture_output=True, text=True, check=False, timeout=60)
    report.check(done.stdout.strip() == "20000100000", f"psql computes over the tunnel: {done.stdout.strip()} {done.stderr[-200:]}")
    done = subprocess.run([str(home / "psql"), *where, "-d", "postgres", "-Atc", "select repeat('x', 20) || n from generate_series(1, 500000) n"], capture_output=True, check=False, timeout=120)
    report.check(done.stdout.count(b"\n") == 500000, f"psql reads {len(done.stdout)} bytes of rows")
    subprocess.run([str(home / "pgbench"), *where, "-i", "-q", "-s", "1", "postgres"], capture_output=True, check=False, timeout=120)
    seconds = "4" if options.short else "60"
    done = subprocess.run([str(home / "pgbench"), *where, "-c", "8", "-j", "2", "-T", seconds, "postgres"], capture_output=True, text=True, check=False, timeout=180)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    report.check(done.returncode == 0 and rate is not None and (failed is None or failed[1] == "0"), f"pgbench, 8 clients for {seconds} s: {rate[1] if rate else done.stderr[-300:]} transactions/s, none failed")


def shells(stage, report, tunnel):
    ssh, sshd, keygen, rsync, git = staging.need("ssh", "sshd", "ssh-keygen", "rsync", "git")
    folder = stage.folder("ssh")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, stdin=subprocess.DEVNULL)
    port = staging.free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
        f"PidFile none\nPasswordAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = stage.start("sshd", [sshd, "-D", "-e", "-f", str(folder / "sshd_config")])
    staging.wait_port(port, 10, process)
    public = tunnel("ssh", port)
    command = [ssh, "-p", str(public), "-i", str(folder / "user"), "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", "-o", "LogLevel=ERROR", "-F", "none"]
    here = f"{getpass.getuser()}@127.0.0.1"
    blob = os.urandom(3_000_000)
    done = subprocess.run([*command, here, "sha256sum"], input=blob, capture_output=True, check=False, timeout=60)
    report.check(done.stdout.split()[:1] == [hashlib.sha256(blob).hexdigest().encode()], f"ssh pipes 3 MB through a remote sha256sum {done.stderr[-200:].decode(errors='replace')}")
    source = stage.folder("tree")
    for n in range(200):
        (source / f"file{n}").write_bytes(os.urandom(n * 50))
    target = stage.folder("copy")
    done = subprocess.run([rsync, "-a", "-e", " ".join(command), f"{source}/", f"{here}:{target}/"], capture_output=True, text=True, check=False, timeout=60)
    same = done.returncode == 0 and all((target / f.name).read_bytes() == f.read_bytes() for f in source.iterdir())
    report.check(same, f"rsync carries 200 files over ssh {done.stderr[-200:]}")
    repository, clone = stage.folder("repository"), stage.folder("clones") / "clone"
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=drill", "-c", "user.email=drill@tunnel.test", "commit", "-qm", "tree"]):
        if arguments[0] == "add":
            subprocess.run(["cp", "-r", f"{source}/.", str(repository)], check=True)
        subprocess.run([git, "-C", str(repository), *arguments], check=True, capture_output=True)
    done = subprocess.run([git, "clone", "-q", f"ssh://{here}:{public}{repository}", str(clone)], capture_output=True, text=True, check=False, timeout=60,
                          env={**os.environ, "GIT_SSH_COMMAND": " ".join(command)})
    same = done.returncode == 0 and all((clone / f.name).read_bytes() == f.read_bytes() for f in source.iterdir())
    report.check(same, f"git clones over ssh {done.stderr[-200:]}")


def proxied(stage, report, tunnel):
    log = stage.folder("proxied") / "access.txt"
    origin = stage.nginx("proxied", f"log_format who '$proxy_protocol_addr:$proxy_protocol_port';\nserver {{ listen PORT proxy_protocol; access_log {log} who; return 200 \"hi\\n\"; }}")
    public = tunnel("proxied", origin.port, "--send-proxy-protocol")
    with socket.create_connection(("127.0.0.1", public), 10, source_address=("127.0.0.9", 0)) as visitor:
        me = "%s:%d" % visitor.getsockname()
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := visitor.recv(4096):
            answer += part
    lines = log.read_text().split()
    report.check(answer.startswith(b"HTTP/1.1 200") and lines == [me], f"nginx logs the visitor it never met: {lines} for {me}")

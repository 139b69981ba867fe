"""Both native binaries are published, started and used. (The drill always runs the native build.)"""

import time

import process
import stage as staging

STARTS = 5


def run(stage, binaries, report, options):
    folder = stage.folder("files")
    (folder / "index.html").write_text("<!doctype html>hello\n")
    origin = stage.nginx("origin", staging.files_server(folder))
    for role, (path,) in (("server", binaries.server), ("agent", binaries.agent)):
        size = staging.Path(path).stat().st_size / staging.MIB
        report.check(size < 100, f"tunnel-{role} is one file of {size:.1f} MiB")

    ready = {"server": [], "agent": []}
    for number in range(2 if options.short else STARTS):
        tunnel = stage.tunnel(binaries, origin.port, f"start{number}")
        ready["server"].append(tunnel.server.seconds_to_ready)
        ready["agent"].append(tunnel.agent.seconds_to_ready)
        time.sleep(0.5)
        rest = {role: staging.rss_mib(pid) for role, pid in tunnel.both.items()}
        status, _, body = staging.get(tunnel.port, "/", tunnel.host)
        report.check((status, body) == (200, b"<!doctype html>hello\n"), f"start {number + 1}: a request is answered, status {status}")
        codes = {"agent": tunnel.agent.stop(), "server": tunnel.server.stop()}
        report.check(set(codes.values()) == {0}, f"start {number + 1}: both stop as asked, exit codes {codes}")
    for role, times in ready.items():
        report.figure(f"{role} ready after {min(times) * 1000:.0f} / {sorted(times)[len(times) // 2] * 1000:.0f} / "
                      f"{max(times) * 1000:.0f} ms (min / median / max of {len(times)}), {rest[role]:.1f} MiB resident at rest")
    process.run(stage, binaries, report)

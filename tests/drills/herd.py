"""Many agents lose their server at the same moment, and all come back: when, how spread, and what it costs the server and
the visitors."""

import asyncio
import collections
import time

import stage as staging

# A native agent at rest, with room to spare; a machine that has less gets a smaller herd.
AGENT_MIB = 20
SERVER_MIB = 256
# The longest wait of an agent between two tries, and what a busy machine needs to let them all in.
BACK_SECONDS = 15 + 5
VISITOR_RATE = 50


def run(stage, binaries, report, load, origin_port, options):
    """`load` makes visitors: load(port, name, rate) is a context with `seen` and `slowest`."""
    room = ("--max-sessions-per-token", "2048")
    server = stage.server(binaries, options=room)
    if options.short:
        agents, names = [stage.agent(binaries, server, origin_port, "herd0", ("--links", "20"))], ["herd0"]
        of = "herd of 20 sessions in one process"
    else:
        native = binaries if binaries.label == "native" else staging.build(stage, native=True)
        count = min(1000, available_mib() // AGENT_MIB)
        names = [f"herd{number}" for number in range(count)]
        agents = gather(stage, native, server, origin_port, names)
        of = f"herd of {count} agents, each a process"
    before = staging.peak_rss_mib(server.pid)
    server.kill()
    killed = time.monotonic()
    again = stage.server(binaries, server.http_port, server.agent_port, room)
    down = time.monotonic() - killed
    with load(again.http_port, names[0], VISITOR_RATE) as visitors:
        # Each asks once and waits at the name: the moment of the answer is that of the agent's return.
        returns = asyncio.run(ask_all(again.http_port, names))
        time.sleep(2)
    late = [name for name, (status, _) in returns.items() if status != 200]
    seconds = sorted(at for status, at in returns.values() if status == 200)
    each = collections.Counter(int(at) for at in seconds)
    report.check(not late, f"{of}: every name answers, after {down:.1f} s without a server" + (f"; but not {late[:5]}" if late else ""))
    if seconds:
        report.check(
            seconds[-1] <= BACK_SECONDS,
            f"{of}: half are back after {seconds[len(seconds) // 2]:.1f} s, all after {seconds[-1]:.1f} s; in each second "
            + " ".join(str(each[second]) for second in range(int(seconds[-1]) + 1)))
    report.check(visitors.seen.keys() == {"ok"}, f"{of}: a visitor meanwhile, {VISITOR_RATE}/s: {dict(visitors.seen)}, slowest {visitors.slowest:.2f} s")
    peak = staging.peak_rss_mib(again.pid)
    report.check(peak <= SERVER_MIB, f"{of}: the server needs at most {peak:.0f} MiB (the one before: {before:.0f})")
    for agent in agents:
        agent.popen.terminate()
    for process in (*agents, again):
        process.stop()


def gather(stage, binaries, server, origin_port, names):
    agents = []
    for name in names:
        agents.append(stage.agent(binaries, server, origin_port, name, wait=False))
        if len(agents) % 25 == 0:
            # So many begin at a time as two cores can start.
            for agent in agents[-25:]:
                agent.wait_line(r"^Forwarding ")
    for agent in agents:
        agent.wait_line(r"^Forwarding ")
    return agents


async def ask_all(port, names):
    started = time.monotonic()

    async def ask(name):
        try:
            status = await asyncio.wait_for(ask_once(port, name), 40)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        return name, (status, time.monotonic() - started)

    return dict(await asyncio.gather(*map(ask, names)))


async def ask_once(port, name):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: %s.localhost\r\nConnection: close\r\n\r\n" % name.encode())
        return int((await reader.readuntil(b"\r\n\r\n")).split()[1])
    finally:
        writer.close()


def available_mib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) // 1024

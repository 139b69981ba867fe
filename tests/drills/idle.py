"""Visitors that made one request, keep their connections and send nothing more: what each of them costs."""

import asyncio
import time

import crowd
import stage as staging

VISITORS = 10_000
AT_ONCE = 200
# The server's, over the process in which nothing has happened yet (for the Release build, that nothing has compiled).
MOST_MIB = 60
SPARE_DESCRIPTORS = 24


def run(stage, binaries, report, options):
    count = VISITORS // (10 if options.short else 1)
    crowd.need_descriptors(count + 1000)
    folder = stage.folder("files")
    (folder / "small").write_bytes(b"s" * 1024)
    origin = stage.nginx("origin", staging.files_server(folder))
    tunnel = stage.tunnel(binaries, origin.port, server_options=["--idle-time", "600"])
    empty = {role: staging.rss_mib(pid) for role, pid in tunnel.both.items()}
    rest = {role: staging.descriptors(pid) for role, pid in tunnel.both.items()}
    asyncio.run(visit(stage, report, tunnel, count, empty, options))
    left = crowd.settle_descriptors(tunnel.both, rest, SPARE_DESCRIPTORS, 20)
    for role in tunnel.both:
        report.check(left[role] <= rest[role] + SPARE_DESCRIPTORS,
                     f"{role}: {rest[role]} descriptors before, {left[role]} when all have left")


async def visit(stage, report, tunnel, count, empty, options):
    def ask(visitor):
        return crowd.ask(visitor, "/small", tunnel.host, 1024)

    gate = asyncio.Semaphore(AT_ONCE)
    visitors = []

    async def come(number):
        async with gate:
            visitor = await crowd.connect(tunnel.port, crowd.address(number % 5))
            visitors.append(visitor)
            return await ask(visitor)

    async def come_and_go(number):
        async with gate:
            with await crowd.connect(tunnel.port, crowd.address(number % 5)) as visitor:
                return await ask(visitor)

    try:
        # The same requests first on connections that do not stay: what the load leaves behind is not the idle ones'.
        warm = await asyncio.gather(*(come_and_go(number) for number in range(count)))
        await asyncio.sleep(2 if options.short else 10)
        worked = {role: staging.rss_mib(pid) for role, pid in tunnel.both.items()}
        started = time.monotonic()
        answered = await asyncio.gather(*(come(number) for number in range(count)))
        report.check(all(warm) and all(answered),
                     f"{count:,} visitors, all answered, in {time.monotonic() - started:.1f} s, and as many before them")
        await asyncio.sleep(3 if options.short else 15)
        for role, pid in tunnel.both.items():
            now = staging.rss_mib(pid)
            cost, over_work = now - empty[role], now - worked[role]
            text = (f"{role}: {empty[role]:.1f} MiB empty, {worked[role]:.1f} after {count:,} visitors that left, {now:.1f} "
                    f"with {count:,} idle ones: {cost:.1f} MiB over empty, {cost * staging.MIB / count:,.0f} bytes each "
                    f"({over_work * staging.MIB / count:,.0f} over the process that has worked)")
            if role == "server":
                report.check(cost <= MOST_MIB, f"{text}; at most {MOST_MIB} MiB")
            else:
                report.figure(text)
        held = staging.descriptors(tunnel.server.pid)
        report.check(held >= count, f"the server holds {held:,} descriptors: nobody was sent away")
        some = await asyncio.gather(*(ask(visitor) for visitor in visitors[::100]))
        report.check(all(some), f"{len(some)} of the idle ones ask again and are answered")
    finally:
        for visitor in visitors:
            visitor.close()

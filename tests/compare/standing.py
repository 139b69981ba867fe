"""What a contestant costs by standing there: time to start, memory at rest, under load and with idle visitors. These
works start a contestant of their own, because what it did before would show."""

import asyncio
import contextlib
import time

import crowd
import stage as staging

SMALL, SIZE = "/1k", 1024
AT_ONCE = 200
ADDRESSES = 5


@contextlib.contextmanager
def _one_more(running):
    own = running.again()
    try:
        yield own
    finally:
        own.stop()


def _ends(key, by_role):
    return dict(zip((f"{key}-near", f"{key}-far"), by_role.values()))


def start_up(_, running, __):
    if not running.ready:
        return {}
    with _one_more(running) as own:
        return _ends("ready", {role: seconds * 1000 for role, seconds in own.ready.items()})


def memory(bench, running, effort):
    if not running.processes:
        return {}
    with _one_more(running) as own:
        time.sleep(effort.settle_seconds)
        figures = _ends("rest", own.rss_mib())
        bench.load(own, SMALL, 64, effort.load_seconds)
        figures |= _ends("peak", own.peak_rss_mib())
        # Where every visitor's connection goes through to the origin, an idle one is the origin's cost.
        if own.reads_http:
            worked, crowded = asyncio.run(_idle(own, effort))
            each = {role: (crowded[role] - worked[role]) * staging.MIB / effort.idle_visitors for role in worked}
            figures |= {**_ends("crowd", crowded), **_ends("visitor", each)}
        return figures


async def _idle(running, effort):
    """Memory by role after visitors that came, asked once and left, and with as many that asked once and stay."""
    gate = asyncio.Semaphore(AT_ONCE)
    staying = []

    async def visit(number, stays):
        async with gate:
            visitor = await crowd.connect(running.port, crowd.address(number % ADDRESSES))
            if stays:
                staying.append(visitor)
                return await crowd.ask(visitor, SMALL, running.host, SIZE)
            with visitor:
                return await crowd.ask(visitor, SMALL, running.host, SIZE)

    async def all_visit(stays):
        answered = await asyncio.gather(*(visit(number, stays) for number in range(effort.idle_visitors)))
        if not all(answered):
            raise staging.Failure(f"{answered.count(False)} of {len(answered)} visitors got no answer")
        await asyncio.sleep(effort.settle_seconds)
        return running.rss_mib()

    try:
        worked = await all_visit(stays=False)
        crowded = await all_visit(stays=True)
        if not await crowd.ask(staying[0], SMALL, running.host, SIZE):
            raise staging.Failure("the first of the idle visitors was sent away")
        return worked, crowded
    finally:
        for visitor in staying:
            visitor.close()

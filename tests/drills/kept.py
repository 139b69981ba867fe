"""Visitors that use their connections again and again: every request has to be answered, also when the server on the other
end is on its way out. A connection that the server ends between two requests is no loss; one that ends under a request is."""

import asyncio
import collections
import threading
import time

PAUSE_SECONDS = 0.02
ANSWER_SECONDS = 30


class Kept:
    """Connections that each send a request, take its answer and go on, until the answer says that there is no next one."""

    def __init__(self, port, name, connections, method="GET"):
        self._port, self._host, self._connections, self._method = port, f"{name}.localhost", connections, method
        self._stop = threading.Event()
        self.seen = collections.Counter()
        self.slowest = 0.0
        self.opened = 0

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    async def _run(self):
        await asyncio.gather(*(self._visit() for _ in range(self._connections)))

    async def _visit(self):
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                self.seen["refused"] += 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self.opened += 1
            try:
                while not self._stop.is_set() and await self._ask(reader, writer):
                    await asyncio.sleep(PAUSE_SECONDS)
            finally:
                writer.close()

    async def _ask(self, reader, writer):
        if reader.at_eof():
            return False
        started = time.monotonic()
        try:
            writer.write(f"{self._method} / HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: 0\r\n\r\n".encode())
            what, goes_on = await asyncio.wait_for(self._answer(reader), ANSWER_SECONDS)
        except asyncio.TimeoutError:
            what, goes_on = "timeout", False
        except (OSError, asyncio.IncompleteReadError):
            what, goes_on = "lost", False
        self.seen[what] += 1
        self.slowest = max(self.slowest, time.monotonic() - started)
        return goes_on

    async def _answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in head.split("\r\n")[1:] if ":" in line}
        await reader.readexactly(int(fields.get("content-length", 0)))
        status = head.split()[1]
        what = "ok" if status == "200" else f"{status} {fields.get('tunnel-error', '')}"
        return what, fields.get("connection", "").lower() != "close"

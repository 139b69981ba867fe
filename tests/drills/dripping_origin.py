"""An origin whose answers never end and come in small pieces: PIECE bytes every PAUSE seconds. Prints its port."""

import asyncio

PIECE, PAUSE = 512, 0.02


async def answer(reader, writer):
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(b"d" * PIECE)
            await writer.drain()
            await asyncio.sleep(PAUSE)
    except (OSError, asyncio.IncompleteReadError):
        # The visitor is gone.
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4096)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())

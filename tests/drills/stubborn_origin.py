"""An origin for visitors and uploads that nobody takes: /big is endless, /upload reads the head and nothing behind it,
everything else is a short answer. Prints its port."""

import asyncio

PIECE = b"b" * 64 * 1024


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1]
            if target == b"/big":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
                for _ in range(52428800 // len(PIECE)):
                    writer.write(PIECE)
                    await writer.drain()
            elif target == b"/upload":
                writer.transport.pause_reading()
                await asyncio.sleep(3600)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall")
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())

"""An origin that takes uploads: reads a request's body to its end and answers with how many bytes it was.

    sink.py SOCKET          a path; prints "ready" once it listens. Bodies need a Content-Length.
"""

import re
import socket
import sys
import threading

PIECE = 1024 * 1024


def serve(connection):
    with connection:
        held, room = b"", bytearray(PIECE)
        while True:
            while b"\r\n\r\n" not in held:
                more = connection.recv(65536)
                if not more or len(held) > 65536:
                    return
                held += more
            head, held = held.split(b"\r\n\r\n", 1)
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            if not length:
                connection.sendall(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            size = int(length[1])
            missing = max(0, size - len(held))
            held = held[size:]
            while missing:
                taken = connection.recv_into(room, min(missing, PIECE))
                if not taken:
                    return
                missing -= taken
            answer = str(size).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()

"""The origin of the vanished drill: answers that go on for ever, and one that takes its time with an upload.

    vanishing_origin.py ADDRESS SECONDS      prints "listening PORT"; SECONDS is how long /slow reads nothing
"""

import hashlib
import http.server
import socket
import sys
import time

PIECE = b"x" * 16384


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    patience = 0

    def do_GET(self):
        if self.path == "/small":
            self._begin(200, {"Content-Length": "2"})
            self.wfile.write(b"ok")
        elif self.path == "/download":
            self._begin(200, {"Content-Length": str(1 << 40)})
            self._go_on(PIECE, 0.1)
        elif self.path == "/events":
            self._begin(200, {"Content-Type": "text/event-stream"})
            self._go_on(b"data: once\n\n", 1e9)
        else:
            self._begin(101, {"Upgrade": "echo", "Connection": "Upgrade"})
            self.wfile.flush()
            while piece := self.connection.recv(65536):
                self.connection.sendall(piece)

    def do_POST(self):
        # The window closes meanwhile; whoever takes that for the end of us is wrong.
        time.sleep(self.patience)
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 65536))
            digest.update(piece)
            left -= len(piece)
        self._begin(200, {"Content-Length": "64"})
        self.wfile.write(digest.hexdigest().encode())

    def _begin(self, status, fields):
        self.send_response_only(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

    def _go_on(self, piece, pause):
        self.close_connection = True
        while True:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(min(pause, 3600))

    def log_message(self, *_):
        pass


class Raw:
    """A piece a second to whoever connects."""

    def __init__(self, address):
        self.listener = socket.create_server((address, 0))

    def run(self):
        while True:
            link, _ = self.listener.accept()
            while True:
                try:
                    link.sendall(b"tick\n")
                except OSError:
                    break
                time.sleep(1)


def main():
    import threading
    Handler.patience = float(sys.argv[2])
    raw = Raw(sys.argv[1])
    threading.Thread(target=raw.run, daemon=True).start()
    server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Handler)
    server.daemon_threads = True
    print(f"listening {server.server_address[1]} {raw.listener.getsockname()[1]}", flush=True)
    server.serve_forever()


main()

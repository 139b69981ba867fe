"""How the drills' own origins take the body of a request, and stand there for visitors."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 and says nothing of it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pieces(self):
        """The body as it comes; ValueError or EOFError when it breaks a rule or off."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield from self._exactly(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(1024).split(b";")[0], 16):
            yield from self._exactly(size)
            if self.rfile.readline(8) != b"\r\n":
                raise ValueError("a chunk does not end where it should")
        while self.rfile.readline(65536) not in (b"\r\n", b""):
            pass

    def _exactly(self, size):
        while size > 0:
            piece = self.rfile.read(min(size, PIECE))
            if not piece:
                raise EOFError("the body broke off")
            size -= len(piece)
            yield piece


def serve(handler):
    """Prints "listening PORT" and answers for ever, a thread for each connection."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever()

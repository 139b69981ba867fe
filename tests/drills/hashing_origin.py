"""An origin that hashes what is uploaded while it arrives, and serves files.

usage: hashing_origin.py FOLDER; prints "listening PORT". GET /name serves a file, PUT or POST answers with the
SHA-256 and the number of bytes."""

import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = Path(".")

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.folder / Path(self.path).name
        if not path.is_file():
            return self._answer(404, b"no such file\n")
        with open(path, "rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            self.wfile.flush()
            self.connection.sendfile(file)
        return None

    def do_PUT(self):
        digest, size = hashlib.sha256(), 0
        try:
            for piece in self._pieces():
                digest.update(piece)
                size += len(piece)
        except (ValueError, EOFError) as error:
            self.close_connection = True
            return self._answer(400, f"{error}\n".encode())
        return self._answer(200, f"{digest.hexdigest()} {size}\n".encode())

    do_POST = do_PUT

    def _pieces(self):
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

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

"""An origin that hashes what is uploaded while it arrives, and serves files.

usage: hashing_origin.py FOLDER; prints "listening PORT". GET /name serves a file, PUT or POST answers with the
SHA-256 and the number of bytes."""

import hashlib
import sys
from pathlib import Path

import bodies


class Handler(bodies.Handler):
    folder = Path(".")

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
            for piece in self.pieces():
                digest.update(piece)
                size += len(piece)
        except (ValueError, EOFError) as error:
            self.close_connection = True
            return self._answer(400, f"{error}\n".encode())
        return self._answer(200, f"{digest.hexdigest()} {size}\n".encode())

    do_POST = do_PUT

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    Handler.folder = Path(sys.argv[1])
    bodies.serve(Handler)


if __name__ == "__main__":
    main()

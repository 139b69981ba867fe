"""A real documentation tree behind nginx, mirrored through the tunnel over 32 connections and compared with the
source while it streams in. Symlinked files are served as what they point to; those that point nowhere are 404."""

import http.client
import os
import queue
import threading
import time
from pathlib import Path
from urllib.parse import quote

import stage as staging

CONNECTIONS = 32
PIECE = 64 * 1024


def run(stage, binaries, report, options):
    source = Path(options.tree)
    files, broken, folders = survey(source)
    if options.short:
        files = [path for path in files if path.stat().st_size <= staging.MIB][:2000]
        folders = folders[:200]
    if not report.check(len(files) > 0, f"{len(files)} files, {len(broken)} broken links and {len(folders)} folders in {source}"):
        return
    if len(files) < 1000:
        report.figure("that is a small tree; --tree FOLDER names a bigger one")

    origin = stage.nginx("origin", staging.files_server(source, "autoindex on;"))
    tunnel = stage.tunnel(binaries, origin.port)
    mirror = Mirror(source, origin, tunnel)
    started = time.monotonic()
    mirror.fetch([("file", path) for path in files] + [("broken", path) for path in broken]
                 + [("folder", path) for path in folders])
    seconds = time.monotonic() - started

    report.figure(f"{mirror.bytes / staging.MIB:.0f} MiB in {seconds:.1f} s over {CONNECTIONS} connections, "
                  f"{(len(files) + len(folders)) / seconds:.0f} requests/s, {mirror.reconnects} connections reopened")
    for problem in mirror.problems[:10]:
        report.figure(problem)
    report.check(not mirror.problems, f"{mirror.identical} of {len(files) + len(broken) + len(folders)} answers identical, "
                                      f"{len(mirror.problems)} problems")
    report.check(tunnel.server.is_running and tunnel.agent.is_running, "server and agent still run")


def survey(source):
    """Files, links that lead nowhere, folders; each real folder once, however many links lead to it."""
    files, broken, folders, seen = [], [], [], set()
    for folder, names, entries in os.walk(source, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        names.sort()
        folders.append(Path(folder))
        for entry in sorted(entries):
            path = Path(folder) / entry
            if path.is_file():
                files.append(path)
            elif path.is_symlink() and not path.exists():
                broken.append(path)
    return files, broken, folders


class Mirror:
    def __init__(self, source, origin, tunnel):
        self._source = source
        self._origin = origin
        self._tunnel = tunnel
        self._lock = threading.Lock()
        self._work = queue.SimpleQueue()
        self.problems = []
        self.bytes = self.identical = self.reconnects = 0

    def fetch(self, entries):
        for entry in entries:
            self._work.put(entry)
        workers = [threading.Thread(target=self._visit, daemon=True) for _ in range(CONNECTIONS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _visit(self):
        connection = self._connect(self._tunnel.port)
        direct = self._connect(self._origin.port)
        while True:
            try:
                kind, path = self._work.get_nowait()
            except queue.Empty:
                break
            url = "/" + quote(os.fsencode(path.relative_to(self._source)))
            try:
                if kind == "folder":
                    problem = self._compare_listing(connection, direct, url.rstrip(".") if url == "/." else url + "/")
                elif kind == "broken":
                    problem = self._expect_404(connection, url)
                else:
                    problem = self._compare_file(connection, path, url)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__} {error}"
                connection.close()
                with self._lock:
                    self.reconnects += 1
                connection = self._connect(self._tunnel.port)
            with self._lock:
                if problem:
                    self.problems.append(f"{url}: {problem}")
                else:
                    self.identical += 1
        connection.close()
        direct.close()

    def _connect(self, port):
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def _request(self, connection, url):
        connection.request("GET", url, headers={"Host": self._tunnel.host})
        return connection.getresponse()

    def _compare_file(self, connection, path, url):
        answer = self._request(connection, url)
        problem = None if answer.status == 200 else f"status {answer.status} {answer.headers.get('Tunnel-Error', '')}"
        size = path.stat().st_size
        if not problem and answer.headers.get("Content-Length") != str(size):
            problem = f"Content-Length {answer.headers.get('Content-Length')} for {size} bytes"
        at = 0
        with open(path, "rb") as file:
            while piece := answer.read(PIECE):
                if not problem and file.read(len(piece)) != piece:
                    problem = f"differs in the bytes from {at} on"
                at += len(piece)
        if not problem and at != size:
            problem = f"{at} of {size} bytes"
        with self._lock:
            self.bytes += at
        return problem

    def _compare_listing(self, connection, direct, url):
        # Names in a listing, times included, come from the same nginx: fetched directly they must be the same.
        expected = self._request(direct, url)
        expected_body = expected.read()
        answer = self._request(connection, url)
        body = answer.read()
        if (answer.status, body) != (expected.status, expected_body):
            return f"status {answer.status}, {len(body)} bytes; directly {expected.status}, {len(expected_body)} bytes"
        return None

    def _expect_404(self, connection, url):
        answer = self._request(connection, url)
        answer.read()
        if answer.status != 404 or "Tunnel-Error" in answer.headers:
            return f"status {answer.status}, Tunnel-Error {answer.headers.get('Tunnel-Error')} for a broken link"
        return None

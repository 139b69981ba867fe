"""A TCP relay between agent and server that misbehaves when told to: the path that breaks under a link.

usage: relay.py TARGET_PORT [--delay MILLISECONDS]; prints "listening PORT".

SIGUSR1 resets every connection that is open. SIGUSR2 turns every connection that is open into a black hole: it stays
open, and nothing passes any more. Connections made afterwards are sound. SIGSTOP stops the whole path, new connections
included. With --delay each direction takes that long, as on a long way."""

import argparse
import collections
import os
import signal
import socket
import struct
import threading
import time

PIECE = 256 * 1024
# What may be on a long way at one time; more waits at its beginning, as in a router with a sane queue.
ON_THE_WAY = 16 * 1024 * 1024


class Connection:
    """Two sockets and a thread for each direction; two for each when there is a delay."""

    def __init__(self, near, far, delay):
        self.near, self.far = near, far
        self.is_hole = False
        self._delay = delay
        self._is_over = threading.Event()
        for source, target in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pipe = collections.deque()
            condition = threading.Condition()
            threading.Thread(target=self._take, args=(source, target, pipe, condition), daemon=True).start()
            if delay:
                threading.Thread(target=self._bring, args=(target, pipe, condition), daemon=True).start()

    def _take(self, source, target, pipe, condition):
        try:
            while data := source.recv(PIECE):
                if self.is_hole:
                    self._is_over.wait()
                    return
                if not self._delay:
                    target.sendall(data)
                    continue
                with condition:
                    while sum(len(piece) for _, piece in pipe) > ON_THE_WAY:
                        condition.wait()
                    pipe.append((time.monotonic() + self._delay, data))
                    condition.notify_all()
            self._end(target, pipe, condition)
        except OSError:
            self.reset()

    def _end(self, target, pipe, condition):
        if self._delay:
            with condition:
                pipe.append((time.monotonic() + self._delay, None))
                condition.notify_all()
        else:
            target.shutdown(socket.SHUT_WR)

    def _bring(self, target, pipe, condition):
        try:
            while not self._is_over.is_set():
                with condition:
                    while not pipe:
                        condition.wait()
                    at, data = pipe[0]
                wait = at - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                if self.is_hole:
                    return
                if data is None:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
                with condition:
                    pipe.popleft()
                    condition.notify_all()
        except OSError:
            self.reset()

    def reset(self):
        self._is_over.set()
        for side in (self.near, self.far):
            try:
                # Linger 0: a reset, not an orderly end.
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=int)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    connections = []
    told = collections.deque()
    listener = socket.create_server(("127.0.0.1", 0))
    # A handler must not do the work itself: it may interrupt anything. It writes a byte that the loop waits for.
    wake, waker = os.pipe()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, _: (told.append(number), os.write(waker, b"!")))

    def obey():
        while os.read(wake, 1):
            number = told.popleft()
            for connection in connections:
                if number == signal.SIGUSR1:
                    connection.reset()
                else:
                    connection.is_hole = True
            if number == signal.SIGUSR1:
                connections.clear()

    threading.Thread(target=obey, daemon=True).start()
    print(f"listening {listener.getsockname()[1]}", flush=True)
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", options.target), 5)
            far.settimeout(None)
        except OSError:
            near.close()
            continue
        connections.append(Connection(near, far, options.delay / 1000))


if __name__ == "__main__":
    main()

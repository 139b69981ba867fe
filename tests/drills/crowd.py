"""What the drills with thousands of visitors share: descriptors for them, addresses to come from, figures over time."""

import asyncio
import resource
import socket
import threading
import time

import stage as staging

# Linux: an address is bound without taking a port, so that ports are counted for each pair of addresses.
IP_BIND_ADDRESS_NO_PORT = 24


def need_descriptors(count):
    """This process and all it starts may open as many as the system lets them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < count:
        raise staging.Failure(f"needs {count} open files, and the hard limit (ulimit -Hn) is {hard}")


def address(number):
    """A loopback address of its own, so that the limit per address leaves the crowd alone."""
    return f"127.0.1.{number + 1}"


async def connect(port, source, receive_buffer=None):
    visitor = socket.socket()
    try:
        visitor.setblocking(False)
        if receive_buffer is not None:
            # Before connecting, or the window is agreed on already.
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # As on a real network. With loopback's segments of 64 KiB the sending system alone takes in megabytes.
            visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
        visitor.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        visitor.bind((source, 0))
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(visitor, ("127.0.0.1", port)), 30)
        return visitor
    except BaseException:
        visitor.close()
        raise


async def ask(visitor, path, host, size):
    """One GET on a connection that is kept: whether an answer of so many bytes came whole."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(visitor, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < size:
        more = await asyncio.wait_for(loop.sock_recv(visitor, 4096), 30)
        if not more:
            return False
        answer += more
    return answer.startswith(b"HTTP/1.1 200")


class Watch:
    """Resident memory and descriptors of some processes, looked at twice a second."""

    def __init__(self, pids):
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_mib = dict.fromkeys(pids, 0.0)
        self.peak_descriptors = dict.fromkeys(pids, 0)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.5):
            for role, pid in self._pids.items():
                try:
                    self.peak_mib[role] = max(self.peak_mib[role], staging.rss_mib(pid))
                    self.peak_descriptors[role] = max(self.peak_descriptors[role], staging.descriptors(pid))
                except (OSError, staging.Failure):
                    # It has ended, and the requests will tell.
                    return


def settle_descriptors(pids, before, slack, seconds):
    """What each process holds once it is back at what it held, or when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        now = {role: staging.descriptors(pid) for role, pid in pids.items()}
        if all(now[role] <= before[role] + slack for role in pids) or time.monotonic() > deadline:
            return now
        time.sleep(0.5)

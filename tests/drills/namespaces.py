"""Two hosts on one machine: network namespaces with a cable between them, and what a drill puts on the cable."""

import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000


def why_not():
    """Why this machine has no namespaces for us; None: it has."""
    if not shutil.which("ip"):
        return "there is no ip (Debian: iproute2)"
    done = subprocess.run(["ip", "netns", "add", f"tunnel-try-{os.getpid()}"], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"network namespaces are not allowed here ({done.stderr.strip()})"
    subprocess.run(["ip", "netns", "delete", f"tunnel-try-{os.getpid()}"], check=True)
    return None


class Pair:
    """
    A server's host and a laptop. `hidden` is an address of the server that only its own host has a way to, `alias` a second
    one on the cable.
    """

    server, laptop, attacker, alias, hidden = "10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4", "10.78.0.1"

    def __init__(self):
        self.names = [f"tunnel-{os.getpid()}-{role}" for role in ("server", "laptop")]

    def __enter__(self):
        server, laptop = self.names
        try:
            for name in self.names:
                _ip("netns", "add", name)
            _ip("link", "add", "cable", "netns", server, "type", "veth", "peer", "name", "cable", "netns", laptop)
            for name, addresses in ((server, [(self.server, "cable"), (self.alias, "cable"), (self.hidden, "lo")]), (laptop, [(self.laptop, "cable"), (self.attacker, "cable")])):
                for address, device in addresses:
                    _ip("-n", name, "address", "add", f"{address}/{24 if device == 'cable' else 32}", "dev", device)
                for device in ("lo", "cable"):
                    _ip("-n", name, "link", "set", device, "up")
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def on_server(self, *command):
        return ["ip", "netns", "exec", self.names[0], *command]

    def on_laptop(self, *command):
        return ["ip", "netns", "exec", self.names[1], *command]

    def socket(self, laptop=True):
        """A socket that lives in one of the namespaces, whatever thread uses it."""
        made = []

        def make():
            # The namespace is the thread's own; the socket keeps it.
            with open(f"/run/netns/{self.names[1 if laptop else 0]}", "rb") as namespace:
                _enter(namespace)
            made.append(socket.socket())

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]


class Own:
    """A namespace with a loopback of its own, for this thread and all that it starts meanwhile."""

    def __init__(self):
        self._name = f"tunnel-{os.getpid()}-own"

    def __enter__(self):
        self._before = open("/proc/thread-self/ns/net", "rb")
        _ip("netns", "add", self._name)
        try:
            _ip("-n", self._name, "link", "set", "lo", "up")
            with open(f"/run/netns/{self._name}", "rb") as namespace:
                _enter(namespace)
        except (OSError, subprocess.CalledProcessError):
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        _enter(self._before)
        self._before.close()
        subprocess.run(["ip", "netns", "delete", self._name], capture_output=True, check=False)


def exchange(hosts, request, tls, port, seconds=5, loopback=False):
    """Sends bytes from the laptop (or on the server's loopback) and returns what comes back until the server closes, or nothing more comes."""
    link = hosts.socket(laptop=not loopback)
    link.settimeout(seconds)
    link.connect(("127.0.0.1" if loopback else hosts.server, port))
    answer = b""
    try:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["tunnel/1"])
            link = context.wrap_socket(link)
        link.sendall(request)
        while True:
            piece = link.recv(65536)
            if not piece:
                break
            answer += piece
    except OSError:
        pass
    link.close()
    return answer


class Recorder:
    """Relays one connection on the server's host and keeps what the agent said."""

    def __init__(self, hosts, target):
        self.heard = b""
        self._target = (hosts.server, target)
        self._hosts = hosts
        self._listener = hosts.socket(laptop=False)
        self._listener.bind((hosts.server, 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        agent, _ = self._listener.accept()
        server = self._hosts.socket(laptop=False)
        server.connect(self._target)
        while True:
            for ready in select.select([agent, server], [], [])[0]:
                try:
                    piece = ready.recv(65536)
                    if not piece:
                        raise OSError
                    if ready is agent:
                        self.heard += piece
                    (server if ready is agent else agent).sendall(piece)
                except OSError:
                    agent.close()
                    server.close()
                    return

    def stop(self):
        self._thread.join(10)
        self._listener.close()


class Impostor:
    """A server with a key of its own, on the real server's host; keeps what agents tell it."""

    def __init__(self, hosts, certificate, key):
        self.heard, self.met = b"", 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.set_alpn_protocols(["tunnel/1"])
        self._listener = hosts.socket(laptop=False)
        self._listener.bind((hosts.server, 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.met += 1
            link.settimeout(5)
            try:
                link = self._context.wrap_socket(link, server_side=True)
                self.heard += link.recv(65536)
            except OSError:
                # Refused, as it should be.
                pass
            link.close()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


class Flood:
    """Connections from the attacker's address, each with TLS and a wrong token, spread over a time."""

    def __init__(self, hosts, port, hello, count, seconds):
        self._hosts, self._port, self._hello, self._count, self._seconds = hosts, port, hello, count, seconds
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        began = time.monotonic()
        for number in range(self._count):
            ahead = began + number * self._seconds / self._count - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            link = self._hosts.socket()
            link.settimeout(5)
            try:
                link.bind((self._hosts.attacker, 0))
                link.connect((self._hosts.server, self._port))
                link = self._context.wrap_socket(link)
                link.sendall(self._hello)
                link.recv(4096)
            except OSError:
                pass
            link.close()

    def wait(self):
        self._thread.join()


def _enter(namespace):
    os.setns(namespace.fileno(), CLONE_NEWNET) if hasattr(os, "setns") else _setns(namespace.fileno())


def _setns(descriptor):
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)

"""A limit of memory around a program, as a container sets it: a control group of the memory controller, version 2 or 1."""

import os
import signal
import time
from pathlib import Path

import stage as staging

ROOT = Path("/sys/fs/cgroup")
# The group enters itself and becomes the program, so that every page counts from its first one on.
ENTER = 'echo $$ > "$0" && exec "$@"'


class Cell:
    """One group. Leaving it removes it, and ends what still runs in it."""

    def __init__(self, name, limit_mib):
        self.limit_mib = limit_mib
        self._is_unified = (ROOT / "cgroup.controllers").exists()
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
        kind = "" if self._is_unified else "memory"
        place = next((line.split(":", 2)[2] for line in own if kind in line.split(":", 2)[1].split(",")), "/")
        root = ROOT if self._is_unified else ROOT / "memory"
        # Version 2 lets no processes stand in a group that has others below it, so there it goes beside our own.
        parent = root / place.lstrip("/")
        self._folder = (parent.parent if self._is_unified and parent != root else parent) / f"tunnel-{os.getpid()}-{name}"

    def __enter__(self):
        try:
            self._folder.mkdir()
            self._write("memory.max" if self._is_unified else "memory.limit_in_bytes", self.limit_mib * staging.MIB)
            if not self._is_unified:
                # There what sockets hold has an account of its own.
                self._write("memory.kmem.tcp.limit_in_bytes", self.limit_mib * staging.MIB)
        except OSError as error:
            self.__exit__()
            raise Forbidden(f"no control group can be made here: {error}") from error
        return self

    def __exit__(self, *_):
        # When the drill broke off its program still runs, and a group with a process in it cannot be removed.
        deadline = time.monotonic() + 5
        while self._folder.exists() and time.monotonic() < deadline:
            for pid in self._read("cgroup.procs").split():
                os.kill(int(pid), signal.SIGKILL)
            try:
                self._folder.rmdir()
            except OSError:
                time.sleep(0.05)

    def command(self, program):
        """The command that runs a program in here."""
        return ["/bin/sh", "-c", ENTER, str(self._folder / "cgroup.procs"), *program]

    def used_mib(self):
        """What cannot be given back for the asking: memory of the program and of its sockets, without files."""
        figures = dict(line.split() for line in self._read("memory.stat").splitlines())
        if self._is_unified:
            return (int(figures["anon"]) + int(figures.get("sock", 0))) / staging.MIB
        return (int(figures["rss"]) + int(self._read("memory.kmem.tcp.usage_in_bytes"))) / staging.MIB

    def sockets_mib(self):
        """What its sockets hold."""
        if self._is_unified:
            figures = dict(line.split() for line in self._read("memory.stat").splitlines())
            return int(figures.get("sock", 0)) / staging.MIB
        return int(self._read("memory.kmem.tcp.usage_in_bytes")) / staging.MIB

    def kills(self):
        """How often the system killed a program in here for its memory."""
        text = self._read("memory.events" if self._is_unified else "memory.oom_control")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def _read(self, name):
        return (self._folder / name).read_text(encoding="ascii")

    def _write(self, name, value):
        (self._folder / name).write_text(str(value), encoding="ascii")


class Forbidden(Exception):
    """Groups cannot be made here; the message says why."""

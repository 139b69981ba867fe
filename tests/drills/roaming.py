"""The link across a real network that misbehaves: two namespaces with a cable between them, a token and TLS. Packets are
lost, vanish altogether, connections are reset by the kernel, the laptop changes its address, while files travel both ways."""

import hashlib
import os
import random
import subprocess
import sys
import time

import namespaces
import stage as staging

DOMAIN = "tunnel.test"
HTTP, AGENT = 8080, 9090
LOSS_PER_CENT = 2
OTHER_ADDRESS = "10.77.0.9"
# Well below the heartbeat of an idle link.
IDLE_NOTICE_SECONDS = 9


def run(stage, binaries, report, options):
    reason = namespaces.why_not()
    if reason:
        report.figure(f"skipped: {reason}")
        return
    staging.need("nft", "ss")
    size = (16 if options.short else 256) * staging.MIB
    rounds = options.rounds or (1 if options.short else 8)
    moments = random.Random(options.seed if options.seed is not None else random.randrange(1_000_000))
    with namespaces.Pair() as hosts:
        Drill(stage, binaries, report, hosts, size).run(rounds, moments)


class Drill:
    def __init__(self, stage, binaries, report, hosts, size):
        self.stage, self.binaries, self.report, self.hosts, self.size = stage, binaries, report, hosts, size
        self.folder = stage.folder("files")
        self.path = self.folder / "random"
        digest = hashlib.sha256()
        with open(self.path, "wb") as file:
            for _ in range(size // staging.MIB):
                piece = os.urandom(staging.MIB)
                digest.update(piece)
                file.write(piece)
        self.digest = digest.hexdigest()
        self.address = hosts.laptop

    def run(self, rounds, moments):
        state = self.stage.folder("state")
        origin = self.stage.start("origin", self.hosts.on_laptop(sys.executable, str(staging.HERE / "hashing_origin.py"), str(self.folder)))
        port = origin.wait_line(r"^listening (\d+)")[0][1]
        server = self.stage.start("server", self.hosts.on_server(
            *self.binaries.server, "--domain", DOMAIN, "--http-port", str(HTTP), "--agent-port", str(AGENT), "--state-dir", str(state)))
        server.wait_line("^Ready")
        token = subprocess.run(
            self.hosts.on_server(*self.binaries.server, "token", "create", "laptop", "--state-dir", str(state), "--server", self.hosts.server),
            capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL).stdout.strip()
        agent = self.stage.start("agent", self.hosts.on_laptop(*self.binaries.agent, "--subdomain", "demo", "--port", port),
                                 environment={"TUNNEL_AGENT_TOKEN": token})
        agent.wait_line("^Forwarding ")
        # Lost packets all the while, in both directions: what TCP makes good costs time, and nothing else.
        for on in (self.hosts.on_server, self.hosts.on_laptop):
            self._nft(on, "add table inet drill; add chain inet drill in { type filter hook input priority 0; }; "
                          f"add rule inet drill in iif cable numgen random mod 100 < {LOSS_PER_CENT} drop")
        for what in ("reset", "hole", "address"):
            self.transfer(what, rounds, moments)
        self.idle(agent)
        codes = [agent.stop(), server.stop()]
        self.report.check(codes == [0, 0], f"both end with 0 when asked: {codes}")

    def transfer(self, what, rounds, moments):
        """A file down and a file up, with the network failing in one way again and again."""
        headers = ["-H", f"Host: demo.{DOMAIN}"]
        url = f"http://{self.hosts.server}:{HTTP}"
        rate = ["--limit-rate", str(self.size // (rounds * 2))]
        down = self.stage.start(f"down-{what}", self.hosts.on_server(
            "sh", "-c", "curl -sS --fail -m 300 \"$@\" | sha256sum", "sh", *headers, *rate, f"{url}/random"))
        up = self.stage.start(f"up-{what}", self.hosts.on_server(
            "curl", "-sS", "--fail", "-m", "300", *headers, *rate, "-H", "Expect:", "-T", str(self.path), f"{url}/"))
        started = time.monotonic()
        for _ in range(rounds):
            time.sleep(moments.uniform(0.5, 1.5))
            getattr(self, f"_{what}")()
        codes = [process.popen.wait(300) for process in (down, up)]
        seconds = time.monotonic() - started
        down.stop()
        up.stop()
        right = [any(self.digest in line for _, line in process.lines) for process in (down, up)]
        self.report.check(
            codes == [0, 0] and right == [True, True],
            f"{what} {rounds} times with {LOSS_PER_CENT} % loss: {self.size // staging.MIB} MiB down and up with equal SHA-256 in {seconds:.0f} s"
            + ("" if codes == [0, 0] and right == [True, True] else f", but curl ended with {codes}, equal: {right}; {down.tail()} {up.tail()}"))

    def idle(self, agent):
        """Nothing under way, another address: the heartbeat of an idle link would take 10 s and 10 more to notice."""
        time.sleep(2)
        before = self._resumed(agent)
        started = time.monotonic()
        self._address()
        while self._resumed(agent) == before and time.monotonic() < started + 30:
            time.sleep(0.05)
        seconds = time.monotonic() - started
        # The agent asks for a sign of life and gives the old link 3 s for it.
        self.report.check(
            seconds < IDLE_NOTICE_SECONDS, f"an idle link whose machine has another address stands again after {seconds:.1f} s")

    @staticmethod
    def _resumed(agent):
        with open(agent.log, encoding="utf-8", errors="replace") as log:
            return log.read().count("requests go on where they were")

    def _reset(self):
        subprocess.run(self.hosts.on_laptop("ss", "-K", "dport", "=", f":{AGENT}"), capture_output=True, check=True)

    def _hole(self):
        # Longer than a busy link's heartbeat takes to give it up.
        self._nft(self.hosts.on_laptop, "add rule inet drill in iif cable drop")
        time.sleep(6.5)
        self._nft(self.hosts.on_laptop, "flush chain inet drill in; "
                                        f"add rule inet drill in iif cable numgen random mod 100 < {LOSS_PER_CENT} drop")

    def _address(self):
        # Another network: what was sent from the old address never hears of its answers.
        other = OTHER_ADDRESS if self.address != OTHER_ADDRESS else self.hosts.laptop
        namespace = self.hosts.names[1]
        for arguments in (("address", "add", f"{other}/24", "dev", "cable"), ("address", "delete", f"{self.address}/24", "dev", "cable")):
            subprocess.run(["ip", "-n", namespace, *arguments], capture_output=True, check=True)
        # Deleting the first address of a network may take the others along.
        for address in (other, self.hosts.attacker):
            subprocess.run(["ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "cable"], capture_output=True, check=False)
        self.address = other
        time.sleep(1)

    @staticmethod
    def _nft(on, text):
        subprocess.run(on("nft", text), capture_output=True, text=True, check=True)

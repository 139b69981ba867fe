"""Identity and the encrypted link, between hosts: two network namespaces, programs from Debian in between. The whole way
of the README with tokens; what is refused, and how; authorities; guards; proxies; kill -9 on the token store; a flood of
wrong tokens."""

import json
import os
import random
import shutil
import stat
import subprocess
import time
from pathlib import Path

import authorities
import credentials
import namespaces
import proxies
import raw_guards
import stage as staging

DOMAIN = "tunnel.test"
HTTP, HTTPS, AGENT = 8080, 443, 9090


def run(stage, binaries, report, options):
    reason = namespaces.why_not()
    if reason:
        report.figure(f"skipped: {reason}")
        return
    with namespaces.Pair() as hosts:
        Drill(stage, binaries, report, options, hosts).run()


class Drill:
    def __init__(self, stage, binaries, report, options, hosts):
        self.stage, self.binaries, self.report, self.options, self.hosts = stage, binaries, report, options, hosts
        self.domain = DOMAIN
        self.state = stage.folder("state")
        self.secrets = []
        self.said = []
        self.count = 0

    def run(self):
        folder = self.stage.folder("files")
        (folder / "index.html").write_text("hello from the laptop\n")
        self.origin = self.stage.start("origin", self.hosts.on_laptop("python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"), cwd=folder)
        self.server = self.stage.start("server", self.hosts.on_server(
            *self.binaries.server, "--domain", DOMAIN, "--http-port", str(HTTP), "--https-port", str(HTTPS), "--tls", "self-signed",
            "--agent-port", str(AGENT), "--tcp-ports", "20000-20063", "--state-dir", str(self.state)))
        self.server.wait_line("^Ready")
        self.whole_way()
        self.strangers()
        self.middle()
        credentials.run(self)
        authorities.run(self)
        self.guards()
        raw_guards.run(self)
        self.beside_visitors()
        proxies.run(self)
        self.time_is_over()
        self.store_is_lost()
        self.store()
        self.flood()
        self.no_secret_anywhere()

    # -- the programs

    def token(self, *arguments, check=True):
        done = subprocess.run(
            self.hosts.on_server(*self.binaries.server, "token", *arguments, "--state-dir", str(self.state)),
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.said.append(done.stderr)
        if check and done.returncode:
            raise staging.Failure(f"token {arguments[0]}: {done.stderr}")
        return done

    def make(self, name, *options, server=None):
        token = self.token("create", name, *options, "--server", server or self.hosts.server).stdout.strip()
        self.secrets.append(token)
        return token

    def login(self, token):
        """The configuration folder of a user who has pasted the token."""
        self.count += 1
        folder = self.stage.folder(f"user{self.count}")
        done = subprocess.run([*self.binaries.agent, "login", "-"], input=token + "\n", text=True, capture_output=True, timeout=60,
                              check=False, env={**os.environ, "XDG_CONFIG_HOME": str(folder)})
        self.said += [done.stdout, done.stderr]
        if done.returncode:
            raise staging.Failure(f"login: {done.stderr}")
        return folder

    def agent(self, user, *options, port=8000, environment=None):
        self.count += 1
        return self.stage.start(
            f"agent{self.count}", self.hosts.on_laptop(*self.binaries.agent, "--port", str(port), *options),
            environment={"XDG_CONFIG_HOME": str(user), "XDG_STATE_HOME": str(self.stage.folder(f"state{self.count}")), **(environment or {})})

    def curl(self, name, *options, path="/"):
        done = subprocess.run(
            self.hosts.on_laptop("curl", "-s", "-i", "-m", "20", "-H", f"Host: {name}.{DOMAIN}", *options, f"http://{self.hosts.server}:{HTTP}{path}"),
            capture_output=True, text=True, timeout=60, check=False)
        self.said.append(done.stdout)
        return done.stdout

    def ends_with(self, agent, code, words, what):
        try:
            ended = agent.popen.wait(20)
        except subprocess.TimeoutExpired:
            ended = "none yet"
        text = Path(agent.log).read_text(errors="replace")
        self.report.check(ended == code and words in text, f"{what}: exit {ended}, the message says '{words}'")
        agent.stop()

    # -- what is shown

    def whole_way(self):
        token = self.make("laptop", "--subdomain", "a-*")
        user = self.login(token)
        stored = user / "tunnel-agent" / "token"
        self.report.check(stat.S_IMODE(stored.stat().st_mode) == 0o600, "login stores the token readable by its owner only")
        self.laptop = self.agent(user, "--subdomain", "a-demo")
        self.laptop.wait_line("^Forwarding ")
        self.report.check("hello from the laptop" in self.curl("a-demo"), "one string pasted, and the tunnel is up across two hosts")
        listed = self.token("list").stdout
        self.report.check("laptop" in listed and "a-*" in listed and "holds" in listed, "token list shows it")
        self.ends_with(self.agent(user, "--subdomain", "b"), 4, "a-*", "a token for a-* cannot have b")
        self.ends_with(self.agent(user, "--subdomain", "www"), 4, "a-*", "nor www")
        other = self.login(self.make("other"))
        self.ends_with(self.agent(other, "--subdomain", "a-demo"), 4, "somebody else", "another identity is refused a name that is owned")
        self.ends_with(self.agent(other, "--subdomain", "www"), 4, "reserved", "a token without patterns cannot have www")
        local = self.stage.start("local", self.hosts.on_server(*self.binaries.agent, "--port", "8000", "--subdomain", "a-local"),
                                 environment={"XDG_CONFIG_HOME": str(self.stage.folder("nobody"))})
        self.ends_with(local, 4, "somebody else", "a local agent cannot have a name that a token owns")

    def hello(self, token=None):
        hello = {"version": 1, "instance": os.urandom(16).hex()}
        if token:
            hello["token"] = token
        return self.frame(1, hello)

    @staticmethod
    def frame(kind, message):
        payload = json.dumps(message).encode()
        return bytes([0, 0, 0, 0, kind]) + len(payload).to_bytes(3, "big") + payload

    def strangers(self):
        plain = namespaces.exchange(self.hosts, self.hello(), tls=False, port=AGENT)
        self.report.check(b"tls-required" in plain and b"TLS" in plain, "plaintext from outside is refused with what to do")
        stranger = namespaces.exchange(self.hosts, self.hello(), tls=True, port=AGENT)
        self.report.check(b"token-required" in stranger and b"tunnel-agent login" in stranger, "no token from outside, over TLS: refused with what to do")
        wrong = namespaces.exchange(self.hosts, self.hello("0123456789abcdef.x"), tls=True, port=AGENT)
        self.report.check(b"token-unknown" in wrong, "a wrong token is refused")
        nothing = namespaces.exchange(self.hosts, b"GET / HTTP/1.1\r\n\r\n", tls=False, port=AGENT)
        self.report.check(nothing == b"", "what is neither TLS nor a frame gets no answer")

    def middle(self):
        """A man in the middle with another key, and one who replays what he has recorded."""
        folder = self.stage.folder("middle")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                        "/CN=tunnel-server", "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
        impostor = namespaces.Impostor(self.hosts, folder / "cert.pem", folder / "key.pem")
        user = self.login(self.make("betrayed", "--subdomain", "m-*", server=f"{self.hosts.server}:{impostor.port}"))
        agent = self.agent(user, "--subdomain", "m-demo")
        self.wait_for(lambda: "shows another key" in Path(agent.log).read_text(errors="replace"))
        self.report.check("shows another key" in Path(agent.log).read_text(errors="replace"), "a man in the middle with another key is refused by the pin")
        agent.stop()
        impostor.stop()
        self.report.check(impostor.met > 0 and impostor.heard == b"", f"and hears nothing, {impostor.met} times")

        relay = namespaces.Recorder(self.hosts, AGENT)
        user = self.login(self.make("recorded", "--subdomain", "r-*", server=f"{self.hosts.server}:{relay.port}"))
        agent = self.agent(user, "--subdomain", "r-demo")
        agent.wait_line("^Forwarding ")
        agent.stop()
        relay.stop()
        answer = namespaces.exchange(self.hosts, relay.heard, tls=False, port=AGENT)
        self.report.check(len(relay.heard) > 500 and len(answer) < 4096 and not self.is_served("r-demo"),
                          f"a replayed HELLO ({len(relay.heard)} recorded bytes) gets nothing")

    def is_served(self, name):
        return f"{name}.{DOMAIN} is served" in Path(self.server.log).read_text(errors="replace").rsplit("is down", 1)[-1]

    def guards(self):
        htpasswd = shutil.which("htpasswd")
        if not htpasswd:
            self.report.figure("guards skipped: there is no htpasswd")
            return
        passwords = self.stage.folder("guards") / "htpasswd"
        subprocess.run([htpasswd, "-cbB", str(passwords), "alice", "open sesame"], check=True, capture_output=True)
        self.secrets.append(passwords.read_text().strip().split(":", 1)[1])
        user = self.login(self.make("guarded", "--subdomain", "g-*"))
        asking = self.agent(user, "--subdomain", "g-auth", "--basic-auth-file", str(passwords))
        asking.wait_line("^Forwarding ")
        answer = self.curl("g-auth")
        self.report.check(" 401 " in answer and "WWW-Authenticate: Basic" in answer and "auth-required" in answer, "basic auth: 401 without a password")
        self.report.check(" 401 " in self.curl("g-auth", "-u", "alice:open"), "401 with a wrong one")
        self.report.check("hello from the laptop" in self.curl("g-auth", "-u", "alice:open sesame"), "200 with what htpasswd -B stored")
        denied = self.agent(user, "--subdomain", "g-deny", "--deny", self.hosts.laptop)
        denied.wait_line("^Forwarding ")
        answer = self.curl("g-deny")
        self.report.check(" 403 " in answer and "access-denied" in answer, "--deny turns an address away with 403")
        asking.stop()
        denied.stop()
        pooled = self.agent(user, "--subdomain", "g-pool", "--pool", "--basic-auth-file", str(passwords))
        pooled.wait_line("^Forwarding ")
        alike = self.agent(user, "--subdomain", "g-pool", "--pool", "--basic-auth-file", str(passwords))
        alike.wait_line("^Forwarding ")
        self.ends_with(self.agent(user, "--subdomain", "g-pool", "--pool"), 4, "let other visitors in", "an agent without the password does not join a pool that asks for it")
        pooled.stop()
        alike.stop()

    def beside_visitors(self):
        """In at the port of HTTPS, with visitors coming and going there."""
        user = self.login(self.make("narrow", "--subdomain", "n-*", server=f"{self.hosts.server}:{HTTPS}"))
        agent = self.agent(user, "--subdomain", "n-demo")
        agent.wait_line("^Forwarding https://")
        host = f"n-demo.{DOMAIN}"
        visit = self.hosts.on_laptop("curl", "-sk", "-m", "20", "--resolve", f"{host}:{HTTPS}:{self.hosts.server}", f"https://{host}/")
        visitors = [subprocess.Popen(visit, stdout=subprocess.PIPE, text=True) for _ in range(20)]
        bodies = [visitor.communicate(timeout=60)[0] for visitor in visitors]
        self.report.check(bodies == ["hello from the laptop\n"] * 20, "an agent at port 443 serves 20 HTTPS visitors of port 443")
        stranger = namespaces.exchange(self.hosts, self.hello(), tls=True, port=HTTPS)
        self.report.check(b"token-required" in stranger, "a stranger there is refused as at the agent port")
        near = namespaces.exchange(self.hosts, self.hello(), tls=True, port=HTTPS, loopback=True)
        self.report.check(b"token-required" in near, "and on loopback as well: nobody is local there")
        bind = self.frame(8, {"id": 1, "type": "http", "subdomain": "stranger"})
        near = namespaces.exchange(self.hosts, self.hello() + bind, tls=False, port=AGENT, loopback=True)
        self.report.check(b"stranger.tunnel.test" in near, "while a local agent needs no token at the agent port")
        agent.stop()

    def time_is_over(self):
        began = time.monotonic()
        self.token("revoke", "laptop")
        self.ends_with(self.laptop, 3, "was revoked", "a revoked token's agent is out")
        self.report.figure(f"out {time.monotonic() - began:.1f} s after 'token revoke' was started")
        user = self.login(self.make("nobody-in-particular"))
        self.ends_with(self.agent(user, "--subdomain", "a-demo"), 4, "revoked or expired", "its name is not for the next who asks")
        user = self.login(self.make("laptop"))
        heir = self.agent(user, "--subdomain", "a-demo")
        heir.wait_line("^Forwarding ")
        self.report.check("hello from the laptop" in self.curl("a-demo"), "but for its next owner")
        heir.stop()
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 12))
        user = self.login(self.make("brief", "--subdomain", "e-*", "--expires", end))
        agent = self.agent(user, "--subdomain", "e-demo")
        agent.wait_line("^Forwarding ")
        self.report.check(self.wait_for(lambda: "has expired" in log(agent) and "took the token before" in log(agent)) and agent.is_running
                          and not self.is_served("e-demo"), "an expired token's agent is out, and waits for somebody to mend it")
        agent.stop()
        self.ends_with(self.agent(user, "--subdomain", "e-demo"), 3, "has expired", "one that was started since is refused at once")

    def store_is_lost(self):
        """The store goes away under the server, comes back, and comes back older; and a server that is started without it."""
        user = self.login(self.make("constant", "--subdomain", "c-*"))
        agent = self.agent(user, "--subdomain", "c-demo")
        agent.wait_line("^Forwarding ")
        file, aside = self.state / "tokens.json", self.state / "aside"
        file.rename(aside)
        gone = self.wait_for(lambda: "last ones known still hold" in log(self.server))
        second = self.agent(user, "--subdomain", "c-second")
        second.wait_line("^Forwarding ")
        self.report.check(gone and "hello from the laptop" in self.curl("c-demo"), "without its store the server goes on with the tokens it knew, and says so")
        done = subprocess.run(
            self.hosts.on_server("env", f"STATE_DIRECTORY={self.state}", *self.binaries.server, "--http-port", "0", "--agent-port", "0", "--bind", "127.0.0.1"),
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.report.check(done.returncode == 1 and "tokens.json is gone" in done.stderr, "and none starts there, at the system's place either")
        aside.rename(file)
        self.report.check(self.wait_for(lambda: "can be read again" in log(self.server)) and not file.with_name("aside").exists(), "it is taken up again")
        second.stop()
        whole = file.read_text()
        older = json.loads(whole)
        older["tokens"] = [token for token in older["tokens"] if token["name"] != "constant"]
        aside.write_text(json.dumps(older))
        aside.chmod(0o600)
        aside.rename(file)
        waits = self.wait_for(lambda: "took the token before" in log(agent))
        aside.write_text(whole)
        aside.chmod(0o600)
        aside.rename(file)
        self.report.check(waits and agent.is_running, "an older store from a backup: its agent waits")
        if not self.options.short:
            self.report.check(self.wait_for(lambda: "hello from the laptop" in self.curl("c-demo"), 60), "and is back when that is mended")
        agent.stop()

    def store(self):
        """Commands that are killed at any moment: what was printed is there, what is there can be read."""
        rounds = 30 if self.options.short else 300
        printed, revoked, killed = [], [], 0
        chance = random.Random(self.options.seed)
        began = time.monotonic()
        self.token("list")
        usual = time.monotonic() - began
        for number in range(rounds):
            revoke = printed and number % 4 == 3
            which = printed[chance.randrange(len(printed))] if revoke else f"k{number}"
            command = self.hosts.on_server(*self.binaries.server, "token", *(["revoke", which] if revoke else ["create", which, "--server", "x"]),
                                           "--state-dir", str(self.state))
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            try:
                out, said = process.communicate(timeout=chance.uniform(0, 1.5 * usual) if number % 2 else 20)
            except subprocess.TimeoutExpired:
                process.kill()
                out, said = process.communicate()
                killed += 1
            if out.startswith(b"tunnel1_") and out.endswith(b"\n"):
                printed.append(which)
                self.secrets.append(out.decode().strip())
            if revoke and b"is revoked" in said:
                revoked.append(which)
            file = self.state / "tokens.json"
            tokens = {token["name"]: token for token in json.loads(file.read_text())["tokens"]}
            if stat.S_IMODE(file.stat().st_mode) != 0o600 or not all(name in tokens for name in printed) \
                    or not all("revoked" in tokens[name] for name in revoked):
                self.report.check(False, f"token store after kill {number}: {file.read_text()[:300]}")
                return
        self.token("list")
        self.report.check(killed > rounds / 10 and printed, f"{rounds} token commands, {killed} of them killed: {len(printed)} made, {len(revoked)} revoked, none lost, no file readable by others")

    def flood(self):
        count = 1_000 if self.options.short else 10_000
        seconds = count / 10_000 * 60
        before, memory = staging.cpu_seconds(self.server_pid()), staging.rss_mib(self.server_pid())
        lines = Path(self.server.log).read_text(errors="replace").count("Token failure from " + self.hosts.attacker)
        began = time.monotonic()
        flood = namespaces.Flood(self.hosts, AGENT, self.hello("0123456789abcdef.x"), count, seconds)
        user = self.login(self.make("bystander", "--subdomain", "f-*"))
        agent = self.agent(user, "--subdomain", "f-demo")
        agent.wait_line("^Forwarding ", 20)
        self.report.check("hello from the laptop" in self.curl("f-demo"), "beside a flood of wrong tokens another address gets its tunnel")
        flood.wait()
        took = time.monotonic() - began
        agent.stop()
        cpu = staging.cpu_seconds(self.server_pid()) - before
        grown = staging.rss_mib(self.server_pid()) - memory
        lines = Path(self.server.log).read_text(errors="replace").count("Token failure from " + self.hosts.attacker) - lines
        self.report.check(lines <= 1 + took / 60, f"{count} wrong tokens in {took:.0f} s left {lines} log line(s)")
        self.report.check(cpu < took * 0.1 and grown < 30, f"and cost {cpu:.2f} s of processor time and {grown:.1f} MiB (the bystander's tunnel included)")

    def server_pid(self):
        return self.server.pid

    def no_secret_anywhere(self):
        needles = []
        for secret in self.secrets:
            needles.append(secret.encode())
            if secret.startswith("tunnel1_"):
                # The middle of it as well: no half of a secret either.
                needles.append(secret[30:70].encode())
        texts = {process.name: Path(process.log).read_bytes() + b"\n".join(line.encode() for _, line in process.lines)
                 for process in self.stage._processes if process.name != "origin"}
        texts["what commands said"] = "\n".join(self.said).encode()
        for process in self.stage._processes:
            if process.is_running:
                texts[f"cmdline of {process.name}"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        found = [name for name, text in texts.items() for needle in needles if needle in text]
        self.report.check(not found, f"no secret in {len(texts)} logs, outputs, pages and command lines" + (f": {found}" if found else ""))

    @staticmethod
    def wait_for(condition, seconds=15):
        """Whether it has come true."""
        deadline = time.monotonic() + seconds
        while not (is_true := condition()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return is_true


def log(process):
    return Path(process.log).read_text(errors="replace")

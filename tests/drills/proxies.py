"""The agent's way through proxies from Debian, between the two hosts of the identity drill: tinyproxy and squid, with and
without credentials, and squid with TLS of its own. The server is at an address that the laptop has no way to."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import stage as staging
from pki import Pki

CREDENTIALS = "worker:letmeout"


def run(drill):
    user = drill.login(drill.make("behind", "--subdomain", "p-*", server=drill.hosts.hidden))
    drill.secrets.append(CREDENTIALS.split(":")[1])
    for kind in ("tinyproxy", "squid"):
        program = shutil.which(kind)
        if not program:
            drill.report.figure(f"{kind} skipped: it is not installed")
            continue
        for credentials in (None, CREDENTIALS):
            proxy = Proxy(drill, kind, program, credentials)
            if credentials:
                says(drill, user, f"p-{kind}", proxy.url("http"), "wants to know who asks", f"{kind}: without its credentials the message says so")
            passes(drill, user, f"p-{kind}", proxy.url("http", credentials), f"through {kind} {'with' if credentials else 'without'} credentials")
            if kind == "squid" and not credentials:
                says(drill, user, "p-tls", proxy.url("https"), "takes http:// in front", "a proxy without TLS that is named by https://: the message says what to write")
            proxy.stop()
        if kind == "squid":
            encrypted(drill, user, program)


def encrypted(drill, user, program):
    """TLS to the proxy, and the server's TLS within it."""
    pki = Pki(drill.stage.folder("proxy-authority"))
    proxy = Proxy(drill, "squid", program, CREDENTIALS, pki)
    url = proxy.url("https", CREDENTIALS)
    says(drill, user, "p-tls", url, "Add the proxy's authority to those of this system", "a proxy with TLS that nobody vouches for is refused, with what to do")
    says(drill, user, "p-tls", proxy.url("http", CREDENTIALS), "takes https:// in front", "a proxy with TLS that is named by http://: the message says what to write")
    passes(drill, user, "p-tls", url, "through squid with TLS of its own and credentials", {"SSL_CERT_FILE": str(pki.ca)})
    proxy.stop()


def passes(drill, user, name, url, what, environment=None):
    agent = drill.agent(user, "--subdomain", name, environment={"HTTPS_PROXY": url, **(environment or {})})
    try:
        agent.wait_line("^Forwarding ", 20)
        ok = "hello from the laptop" in drill.curl(name)
    except staging.Failure as failure:
        ok = False
        drill.report.figure(str(failure))
    advice = [line for _, line in agent.lines if "curl" in line]
    drill.report.check(ok and not advice, what + (f", and the advice names the wrong place: {advice[0]}" if advice else ""))
    agent.stop()


def says(drill, user, name, url, words, what):
    agent = drill.agent(user, "--subdomain", name, environment={"HTTPS_PROXY": url})
    drill.wait_for(lambda: words in Path(agent.log).read_text(errors="replace"))
    drill.report.check(words in Path(agent.log).read_text(errors="replace") and agent.is_running, what)
    agent.stop()


class Proxy:
    """A proxy on the server's host: for everybody or for whoever has the credentials, in the clear or with TLS of its own."""

    _next_port = 3128

    def __init__(self, drill, kind, program, credentials=None, pki=None):
        self._host, self._port = drill.hosts.server, Proxy._next_port
        Proxy._next_port += 1
        folder = drill.stage.folder(f"{kind}-{self._port}")
        # Proxies give up being root, and must still find their files.
        folder.chmod(0o777)
        folder.parent.chmod(0o711)
        configure = self._tinyproxy if kind == "tinyproxy" else self._squid
        command = configure(program, folder, credentials, pki)
        self._process = drill.stage.start(f"{kind}-{self._port}", drill.hosts.on_server(*command))
        self._wait(drill.hosts, kind)

    def url(self, scheme, credentials=None):
        return f"{scheme}://{credentials + '@' if credentials else ''}{self._host}:{self._port}"

    def stop(self):
        self._process.stop()

    def _tinyproxy(self, program, folder, credentials, _):
        text = f"Port {self._port}\nListen {self._host}\nTimeout 600\nMaxClients 20\nLogLevel Info\n"
        text += f"BasicAuth {credentials.replace(':', ' ')}\n" if credentials else ""
        (folder / "tinyproxy.conf").write_text(text)
        return [program, "-d", "-c", str(folder / "tinyproxy.conf")]

    def _squid(self, program, folder, credentials, pki):
        port = f"http_port {self._host}:{self._port}"
        if pki:
            for path, name in zip(pki.issue("proxy", self._host), ("cert.pem", "key.pem")):
                shutil.copyfile(path, folder / name)
            port = f"https_port {self._host}:{self._port} tls-cert={folder}/cert.pem tls-key={folder}/key.pem"
        text = (f"{port}\npid_filename {folder}/squid.pid\ncache deny all\naccess_log none\n"
                f"cache_log {folder}/cache.log\ncoredump_dir {folder}\nshutdown_lifetime 0 seconds\nvisible_hostname proxy\n"
                "via off\nnetdb_filename none\n")
        if credentials:
            user, _, password = credentials.partition(":")
            (folder / "users").write_text(subprocess.run(
                ["htpasswd", "-nbm", user, password], capture_output=True, text=True, check=True).stdout)
            helper = next(path for path in ("/usr/lib/squid/basic_ncsa_auth", "/usr/lib64/squid/basic_ncsa_auth") if os.path.exists(path))
            text += f"auth_param basic program {helper} {folder}/users\nacl known proxy_auth REQUIRED\nhttp_access allow known\n"
        text += "http_access deny all\n" if credentials else "http_access allow all\n"
        (folder / "squid.conf").write_text(text)
        return [program, "-N", "-f", str(folder / "squid.conf")]

    def _wait(self, hosts, kind):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.is_running:
            link = hosts.socket()
            link.settimeout(1)
            try:
                link.connect((self._host, self._port))
                return
            except OSError:
                time.sleep(0.1)
            finally:
                link.close()
        raise staging.Failure(f"{kind} does not start:\n{self._process.tail()}")

"""HTTPS and TLS passthrough against programs that judge TLS for a living: openssl, curl, sslscan, testssl.sh and Chromium
with an authority of the drill's own; certificates renewed under load; terminated and passthrough names on one port."""

import os
import re
import socket
import ssl
import statistics
import subprocess
import threading
import time

import stage as staging
from browser import QUIET
from pki import Pki

DOMAIN = "tunnel.test"


def run(stage, binaries, report, options):
    staging.need("openssl", "curl", "nginx", "sslscan")
    pki = Pki(stage.folder("pki"))
    cert, key = pki.issue("edge", f"*.{DOMAIN}", DOMAIN)
    own, own_key = pki.issue("own", f"sealed.{DOMAIN}")
    mine, mine_key = pki.issue("mine", "the visitor")

    site = stage.folder("site")
    (site / "index.html").write_text("<!doctype html><title>encrypted</title><p id=seen>")
    staging.sparse_file(site / "bulk", (64 if options.short else 1024) * staging.MIB)
    plain = stage.nginx("origin", staging.files_server(site))
    sealed = stage.nginx("sealed", f"""server {{
        listen PORT ssl; ssl_certificate {own}; ssl_certificate_key {own_key};
        ssl_client_certificate {pki.ca}; ssl_verify_client optional; ssl_protocols TLSv1.2 TLSv1.3; ssl_early_data on; ssl_session_tickets on;
        location / {{ return 200 "$ssl_server_name $ssl_client_s_dn early=$ssl_early_data\\n"; }} }}""")

    server = start_server(stage, binaries, "edge", ["--cert", cert, "--key", key, "--hsts", "600", "--hold", "2"])
    agents = [start_agent(stage, binaries, server, "demo", plain.port), start_agent(stage, binaries, server, "sealed", sealed.port, "tls")]
    port = server.https_port

    terminated(report, pki, port, cert)
    passthrough(stage, report, pki, port, own, (mine, mine_key))
    refusals(stage, binaries, report, pki, server)
    oddities(stage, binaries, report, pki, port)
    stapled(stage, binaries, report, pki)
    curves(stage, binaries, report, pki)
    scan(report, port, options)
    cost(stage, report, server, plain, cert, key, options)
    if staging.find_program("chromium"):
        chromium(stage, report, pki, port)
    renewals(report, pki, port, cert, 10 if options.short else 100)
    broken(report, pki, server, port, cert, key)
    for process in (*agents, server):
        report.check(process.stop() == 0, f"{process.name} ended in order")


def start_server(stage, binaries, name, options):
    process = stage.start(f"server-{name}", [*binaries.server, "--domain", DOMAIN, "--bind", "127.0.0.1", "--http-port", "0", "--https-port", "0",
                                             "--agent-port", "0", "--state-dir", str(stage.folder(f"state-{name}")), *map(str, options)])
    match, _ = process.wait_line(r"^Ready: http://\*\.[a-z.]+:(\d+) and https://\*\.[a-z.]+:(\d+) for visitors, port (\d+) for agents")
    process.http_port, process.https_port, process.agent_port = map(int, match.groups())
    return process


def start_agent(stage, binaries, server, name, port, protocol="http", options=()):
    process = stage.start(f"agent-{name}", [*binaries.agent, "--protocol", protocol, "--subdomain", name, "--port", str(port), "--local-host", "127.0.0.1",
                                            "--server", f"127.0.0.1:{server.agent_port}", *options])
    process.wait_line(r"^Forwarding https://")
    return process


def curl(pki, port, name, *more):
    return subprocess.run(["curl", "-sS", "-i", "--max-time", "20", "--cacert", str(pki.ca), "--resolve", f"{name}:{port}:127.0.0.1", *more,
                           f"https://{name}:{port}/"], capture_output=True, text=True, check=False)


def s_client(port, *arguments, send=b""):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, arguments)], input=send, capture_output=True, check=False, timeout=30)
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def terminated(report, pki, port, cert):
    done = curl(pki, port, f"demo.{DOMAIN}")
    report.check(done.stdout.startswith("HTTP/1.1 200") and "encrypted" in done.stdout and "max-age=600" in done.stdout, "curl gets the page over HTTPS, with HSTS" + done.stderr)
    text = s_client(port, "-servername", f"demo.{DOMAIN}", "-alpn", "h2,http/1.1", "-CAfile", pki.ca, "-verify_return_error")
    report.check("ALPN protocol: http/1.1" in text and "Verify return code: 0" in text, "openssl: ALPN http/1.1, chain verified")
    for version, works in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        text = s_client(port, version, "-servername", f"demo.{DOMAIN}", "-cipher", "ALL:@SECLEVEL=0")
        report.check(("Cipher is (NONE)" not in text and "BEGIN CERTIFICATE" in text) == works, f"openssl {version}: {'served' if works else 'refused'}")
    done = curl(pki, port, f"other.{DOMAIN}", "-H", f"Host: demo.{DOMAIN}")
    report.check(done.stdout.startswith("HTTP/1.1 421"), f"SNI other, Host demo: {done.stdout[:12]}")


def passthrough(stage, report, pki, port, own, mine):
    name = f"sealed.{DOMAIN}"
    done = curl(pki, port, name)
    report.check(f"{name}  early=" in done.stdout, f"curl reaches the passthrough origin: {done.stdout[-60:].strip()!r} {done.stderr}")
    shown = certificate_of(port, name, pki)
    report.check(shown == ssl.PEM_cert_to_DER_cert(open(own, encoding="ascii").read()), "the origin's own certificate arrives untouched")
    done = curl(pki, port, name, "--cert", mine[0], "--key", mine[1])
    report.check("CN=the visitor" in done.stdout, f"the client certificate arrives: {done.stdout[-60:].strip()!r}")
    folder = stage.folder("early")
    request = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    (folder / "request").write_bytes(request.encode())
    s_client(port, "-tls1_3", "-servername", name, "-CAfile", pki.ca, "-sess_out", folder / "session", "-ign_eof", send=request.encode())
    text = s_client(port, "-tls1_3", "-servername", name, "-CAfile", pki.ca, "-sess_in", folder / "session", "-early_data", folder / "request", "-ign_eof")
    report.check("Early data was accepted" in text, "TLS 1.3 early data is accepted by the origin")


def refusals(stage, binaries, report, pki, server):
    """A passthrough name that cannot be served: an alert that programs name, and no certificate of ours."""
    name = f"shut.{DOMAIN}"
    agent = start_agent(stage, binaries, server, "shut", staging.free_port(), "tls")

    def check(what, number, words):
        text = s_client(server.https_port, "-servername", name)
        done = curl(pki, server.https_port, name)
        report.check(f"alert number {number}" in text and "BEGIN CERTIFICATE" not in text and words in done.stderr,
                     f"passthrough, {what}: alert {number} for openssl, and curl says {done.stderr.strip()!r}")

    check("its local server refuses", 80, "alert internal error")
    agent.stop()
    check("its agent is gone", 80, "alert internal error")
    agent = start_agent(stage, binaries, server, "shut", staging.free_port(), "tls", ["--deny", "127.0.0.0/8"])
    check("the tunnel keeps the visitor out", 49, "alert access denied")
    agent.stop()


def certificate_of(port, name, pki):
    context = ssl.create_default_context(cafile=str(pki.ca))
    with socket.create_connection(("127.0.0.1", port), 10) as raw, context.wrap_socket(raw, server_hostname=name) as secure:
        return secure.getpeercert(binary_form=True)


def oddities(stage, binaries, report, pki, port):
    report.check("CN = *." + DOMAIN in s_client(port, "-noservername").replace("CN=*", "CN = *"), "no SNI: the default certificate")
    report.check("CN = *." + DOMAIN in s_client(port, "-servername", "a.stranger.test").replace("CN=*", "CN = *"), "unknown SNI: the default certificate")

    # A ClientHello that comes byte by byte, then the rest of the handshake as usual.
    for name in (f"demo.{DOMAIN}", f"sealed.{DOMAIN}"):
        context = ssl.create_default_context(cafile=str(pki.ca))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        engine = context.wrap_bio(incoming, outgoing, server_hostname=name)
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = True
            while True:
                try:
                    engine.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    data = outgoing.read()
                    for part in ([data[i:i + 1] for i in range(len(data))] if first else [data]):
                        raw.sendall(part)
                    first = False
                    incoming.write(raw.recv(65536))
        report.check(True, f"{name}: {engine.version()} after a ClientHello in single bytes")

    bare = start_server(stage, binaries, "bare", ["--hold", "2"])  # An unknown name of a young server waits so long for its agent.
    for what, arguments in (("no", ["-noservername"]), ("an unknown", ["-servername", f"nobody.{DOMAIN}"])):
        text = s_client(bare.https_port, *arguments)
        report.check("alert number 112" in text or "unrecognized name" in text, f"without a certificate, {what} SNI: the alert unrecognized_name")
    with socket.create_connection(("127.0.0.1", bare.https_port), 10) as raw:
        raw.settimeout(30)
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        began = time.monotonic()
        try:
            rest = raw.recv(100)
        except ConnectionResetError:
            rest = b""
        report.check(rest == b"" and 8 < time.monotonic() - began < 15, f"a ClientHello that never ends is cut after {time.monotonic() - began:.1f} s")
    bare.stop()


def stapled(stage, binaries, report, pki):
    """A certificate that names an OCSP responder: what it says of it travels in the handshake."""
    port = staging.free_port()
    cert, key = pki.issue("ocsp", f"demo.{DOMAIN}", more=f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}\n")
    serial = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-serial"], capture_output=True, text=True, check=True).stdout.strip().split("=")[1]
    index = pki.folder / "index.txt"
    index.write_text(f"V\t361231235959Z\t\t{serial}\tunknown\t/CN=demo.{DOMAIN}\n")
    responder = stage.start("ocsp", ["openssl", "ocsp", "-port", str(port), "-index", str(index), "-CA", str(pki.ca), "-rsigner", str(pki.ca), "-rkey", str(pki.folder / "ca.key"), "-ignore_err"])
    # A connection that only looks whether it is there would end it.
    responder.wait_line("^ACCEPT")
    # With its issuer, as an authority hands it out: who signed it is part of the question.
    with open(cert, "ab") as chain:
        chain.write(pki.ca.read_bytes())
    server = start_server(stage, binaries, "ocsp", ["--cert", cert, "--key", key])
    for version in ("-tls1_2", "-tls1_3"):
        deadline = time.monotonic() + 10
        while "Cert Status: good" not in (text := s_client(server.https_port, version, "-servername", f"demo.{DOMAIN}", "-status")) and time.monotonic() < deadline:
            time.sleep(0.2)
        report.check("Cert Status: good" in text, f"openssl {version}: the OCSP answer is stapled")
    server.stop()
    responder.stop()


def curves(stage, binaries, report, pki):
    """Certificates with keys on curves, each for a name of its own, and what a program gets that names an address."""
    names = {"P-256": f"one.{DOMAIN}", "P-384": f"two.{DOMAIN}"}
    pairs = [pki.issue(curve, name, curve=curve) for curve, name in names.items()]
    server = start_server(stage, binaries, "curves", [word for cert, key in pairs for word in ("--cert", cert, "--key", key)])
    for curve, name in names.items():
        for version in ("-tls1_2", "-tls1_3"):
            text = s_client(server.https_port, version, "-servername", name, "-verify_hostname", name, "-CAfile", pki.ca, "-verify_return_error")
            report.check("Peer signature type: ECDSA" in text and "Verify return code: 0" in text, f"openssl {version}: a certificate with a key on {curve}")
    text = s_client(server.https_port, "-servername", "127.0.0.1", "-verify_hostname", names["P-256"], "-CAfile", pki.ca, "-verify_return_error")
    report.check("Verify return code: 0" in text, "an address for a name gets the default certificate")
    server.stop()


def scan(report, port, options):
    done = subprocess.run(["sslscan", "--no-colour", f"--sni-name=demo.{DOMAIN}", f"127.0.0.1:{port}"], capture_output=True, text=True, check=False, timeout=120)
    enabled = re.findall(r"^(SSLv\d|TLSv1\.\d)\s+enabled", done.stdout, re.MULTILINE)
    report.check(enabled == ["TLSv1.2", "TLSv1.3"], f"sslscan: enabled are {', '.join(enabled)}")
    ciphers = re.findall(r"^(?:Preferred|Accepted)\s+TLSv1\.\d\s+\d+ bits\s+(\S+)", done.stdout, re.MULTILINE)
    weak = [name for name in ciphers if not re.search(r"GCM|POLY1305", name)]
    report.check(ciphers and not weak, f"sslscan: {len(ciphers)} ciphers, weak ones: {weak or 'none'}")
    if options.short or not staging.find_program("testssl"):
        return
    done = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "-p", "-s", "-f", "-U", "--sneaky", f"127.0.0.1:{port}"],
                          capture_output=True, text=True, check=False, timeout=600)
    bad = [line.strip() for line in done.stdout.splitlines() if re.search(r"VULNERABLE \(NOT ok\)|offered \(NOT ok\)|not ok", line, re.IGNORECASE) and "not vulnerable" not in line]
    report.check("not vulnerable" in done.stdout and not bad, f"testssl.sh finds nothing weak: {bad[:4] or 'nothing'}")


def chromium(stage, report, pki, port):
    program, certutil = staging.need("chromium", "certutil")
    home = stage.folder("home")
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    subprocess.run([certutil, "-d", f"sql:{database}", "-N", "--empty-password"], check=True, capture_output=True)
    subprocess.run([certutil, "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "drill", "-i", str(pki.ca)], check=True, capture_output=True)
    process = stage.start("chromium", [program, *QUIET, f"--user-data-dir={stage.folder('profile')}", f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1, MAP * ~NOTFOUND",
                                       "--dump-dom", f"https://demo.{DOMAIN}:{port}/"], environment={"HOME": str(home)})
    try:
        process.popen.wait(60)
    except subprocess.TimeoutExpired:
        pass
    process.stop(5)
    text = "\n".join(line for _, line in process.lines)
    report.check("<title>encrypted</title>" in text, "Chromium trusts the drill's authority and shows the page" + ("" if "encrypted" in text else f": {text[:200]}"))


def renewals(report, pki, port, cert, times):
    """New certificates in place of the old under handshakes without a pause."""
    stop = threading.Event()
    seen, failures, count = set(), [], [0]
    gate = threading.Lock()

    def visit():
        while not stop.is_set():
            try:
                shown = certificate_of(port, f"demo.{DOMAIN}", pki)
                with gate:
                    seen.add(shown)
                    count[0] += 1
            except OSError as error:
                with gate:
                    failures.append(repr(error))

    visitors = [threading.Thread(target=visit, daemon=True) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    missed = 0
    for _ in range(times):
        pki.issue("edge", f"*.{DOMAIN}", DOMAIN)
        fresh = ssl.PEM_cert_to_DER_cert(open(cert, encoding="ascii").read())
        deadline = time.monotonic() + 15
        while fresh not in seen and time.monotonic() < deadline:
            time.sleep(0.05)
        missed += fresh not in seen
    stop.set()
    for visitor in visitors:
        visitor.join(30)
    report.check(not failures and not missed, f"{times} renewals under {count[0]} handshakes: {len(failures)} failed {failures[:2]}, {missed} certificates never served")


def broken(report, pki, server, port, cert, key):
    """Files that cannot be used: the old certificate stays, the log says why and what to do."""
    good, good_key = open(cert, "rb").read(), open(key, "rb").read()
    _, other_key = pki.issue("other", f"*.{DOMAIN}")
    ended, ended_key = pki.issue("ended", f"*.{DOMAIN}", days="-1")
    dsa, dsa_key = pki.issue_dsa("dsa", f"*.{DOMAIN}")
    cases = (("text", b"no certificate", good_key, "holds no certificate in PEM form"),
             ("a DSA key", open(dsa, "rb").read(), open(dsa_key, "rb").read(), "of a kind that cannot be served"),
             ("the key of another", good, open(other_key, "rb").read(), "does not belong to the certificate"),
             ("one that has expired", open(ended, "rb").read(), open(ended_key, "rb").read(), "expired on"))
    for what, new_cert, new_key, reason in cases:
        open(cert, "wb").write(new_cert)
        open(key, "wb").write(new_key)
        deadline = time.monotonic() + 15
        while reason not in server.tail(60) and time.monotonic() < deadline:
            time.sleep(0.1)
        kept = certificate_of(port, f"demo.{DOMAIN}", pki) == ssl.PEM_cert_to_DER_cert(good.decode())
        report.check(reason in server.tail(60) and kept, f"{what}: named in the log, and the old certificate kept")
    os.remove(cert)
    os.mkfifo(cert)
    staging.wait_log(server, "it is a FIFO, not a file", 15)
    report.check(certificate_of(port, f"demo.{DOMAIN}", pki) == ssl.PEM_cert_to_DER_cert(good.decode()), "a FIFO: named in the log, and the old certificate kept")
    os.remove(cert)
    open(cert, "wb").write(good)
    open(key, "wb").write(good_key)


def cost(stage, report, server, plain, cert, key, options):
    """What HTTPS costs, beside an nginx that terminates TLS in front of the same origin, and one with a second proxy between
    them, as a tunnel has two ends: in turns, as ratios of the same round, and what a handshake adds to each."""
    staging.need("wrk")
    seconds, rounds = (2, 1) if options.short else (5, 5)
    size = (64 if options.short else 1024) * staging.MIB
    tls = f"ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"

    def proxy(name, port, secure):
        servers = f"""server {{ listen PORT {"ssl" if secure else ""}; {tls if secure else ""}
            location / {{ proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }} }}"""
        return stage.nginx(name, servers, f"upstream behind {{ server 127.0.0.1:{port}; keepalive 64; }}").port

    second = proxy("second", plain.port, False)
    contestants = {
        "tunnel": (server.http_port, server.https_port),
        "nginx": (proxy("once-plain", plain.port, False), proxy("once", plain.port, True)),
        "nginx twice": (proxy("twice-plain", second, False), proxy("twice", second, True)),
    }

    # wrk puts the name in its address into the handshake.
    name = f"demo.{DOMAIN}"
    here = stage.folder("wrk") / "here.lua"
    here.write_text('local resolve = wrk.resolve\nfunction wrk.resolve(_, service) return resolve("127.0.0.1", service) end\n')
    wrong = []

    def rate(scheme, port, *more):
        done = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(here), *more, f"{scheme}://{name}:{port}/"],
                              capture_output=True, text=True, check=False, timeout=seconds + 30)
        wrong.extend(re.findall(r"Non-2xx.*|Socket errors.*", done.stdout))
        return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])

    def speed(scheme, port):
        done = subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code} %{speed_download} %{size_download}",
                               "--resolve", f"{name}:{port}:127.0.0.1", f"{scheme}://{name}:{port}/bulk"],
                              capture_output=True, text=True, check=False, timeout=300)
        status, got, length = done.stdout.split()
        if (status, int(length)) != ("200", size):
            wrong.append(f"{scheme} bulk: {done.stdout}")
        return float(got) / 1e6

    works = {"new connections/s": lambda scheme, port: rate(scheme, port, "-H", "Connection: close"), "kept-alive requests/s": rate, "bulk MB/s": speed}
    seen = {(who, scheme, what): [] for who in contestants for scheme in ("http", "https") for what in works}
    for round_ in range(rounds):
        # Nobody always comes first.
        names = list(contestants)
        for who in names[round_ % 3:] + names[:round_ % 3]:
            for scheme, port in zip(("http", "https"), contestants[who]):
                for what, measure in works.items():
                    seen[who, scheme, what].append(measure(scheme, port))

    worst = 1.0
    for what in works:
        for other in ("nginx", "nginx twice"):
            for scheme in ("http", "https"):
                ratios = [mine / theirs for mine, theirs in zip(seen["tunnel", scheme, what], seen[other, scheme, what])]
                worst = min(worst, *ratios)
                report.figure(f"{scheme}, {what}: {statistics.median(seen['tunnel', scheme, what]):.0f}, "
                              f"{statistics.median(ratios):.2f} of {other} ({min(ratios):.2f} to {max(ratios):.2f})")
    added = {who: statistics.median(1e3 / slow - 1e3 / fast for slow, fast in zip(seen[who, "https", "new connections/s"], seen[who, "http", "new connections/s"])) for who in contestants}
    report.figure("TLS adds to a new connection: " + ", ".join(f"{ms:.2f} ms to one of {who}" for who, ms in added.items()))
    # The absurd fails; the figures are for whoever reads them.
    report.check(not wrong and worst > 0.05, f"HTTPS beside nginx: {wrong[:3] or 'nothing'} failed, no ratio below {worst:.2f}")

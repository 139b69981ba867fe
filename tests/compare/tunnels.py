"""Other tunnels, each as a function (Theatre, origin port) -> public port, the visitor's end, the origin's end. All of
them copy bytes: they know nothing of HTTP."""

import getpass
import os
import subprocess
from pathlib import Path

import stage as staging


def _start(theatre, name, *command):
    return theatre.stage.start(theatre.name(name), [staging.find_program(command[0]), *command[1:]])


def _files(theatre, name, **texts):
    """Files in a folder of their own: name -> path."""
    folder = theatre.stage.folder(theatre.name(name))
    paths = {}
    for key, text in texts.items():
        paths[key] = folder / f"{key}.toml"
        paths[key].write_text(text)
    return paths


def _both(port, near, far):
    staging.wait_port(port, 10, far)
    return port, near, far


def ssh(theatre, origin_port):
    """OpenSSH with its defaults, with keys made for this run."""
    folder = theatre.stage.folder(theatre.name("ssh"))
    for key in ("host", "user"):
        subprocess.run([staging.find_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)],
                       check=True, stdin=subprocess.DEVNULL)
    control, port = staging.free_port(), staging.free_port()
    (folder / "sshd_config").write_text(
        f"Port {control}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    near = _start(theatre, "sshd", "sshd", "-D", "-e", "-f", str(folder / "sshd_config"))
    staging.wait_port(control, 10, near)
    far = _start(theatre, "ssh-client", "ssh", "-F", "none", "-N", "-p", str(control), "-i", str(folder / "user"),
                 "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", "-o", "LogLevel=ERROR",
                 "-o", "ExitOnForwardFailure=yes", "-R", f"127.0.0.1:{port}:127.0.0.1:{origin_port}",
                 f"{getpass.getuser()}@127.0.0.1")
    return _both(port, near, far)


def _rathole(theatre, origin_port):
    control, port = staging.free_port(), staging.free_port()
    paths = _files(
        theatre, "rathole",
        server=f'[server]\nbind_addr = "127.0.0.1:{control}"\n[server.services.demo]\ntoken = "t"\nbind_addr = "127.0.0.1:{port}"\n',
        client=f'[client]\nremote_addr = "127.0.0.1:{control}"\n[client.services.demo]\ntoken = "t"\nlocal_addr = "127.0.0.1:{origin_port}"\n')
    near = _start(theatre, "rathole-server", "rathole", "--server", str(paths["server"]))
    staging.wait_port(control, 10, near)
    return _both(port, near, _start(theatre, "rathole-client", "rathole", "--client", str(paths["client"])))


def _bore(theatre, origin_port):
    port = staging.free_port()
    near = _start(theatre, "bore-server", "bore", "server")
    # It has no option for this one.
    staging.wait_port(7835, 10, near)
    return _both(port, near, _start(theatre, "bore-client", "bore", "local", str(origin_port), "--to", "127.0.0.1", "--port", str(port)))


def _frp(theatre, origin_port):
    control, port = staging.free_port(), staging.free_port()
    paths = _files(
        theatre, "frp",
        server=f'bindAddr = "127.0.0.1"\nbindPort = {control}\n',
        client=f'serverAddr = "127.0.0.1"\nserverPort = {control}\n[[proxies]]\nname = "demo"\ntype = "tcp"\n'
               f'localIP = "127.0.0.1"\nlocalPort = {origin_port}\nremotePort = {port}\n')
    near = _start(theatre, "frps", "frps", "-c", str(paths["server"]))
    staging.wait_port(control, 10, near)
    return _both(port, near, _start(theatre, "frpc", "frpc", "-c", str(paths["client"])))


def _chisel(theatre, origin_port):
    control, port = staging.free_port(), staging.free_port()
    near = _start(theatre, "chisel-server", "chisel", "server", "--host", "127.0.0.1", "--port", str(control), "--reverse")
    staging.wait_port(control, 10, near)
    far = _start(theatre, "chisel-client", "chisel", "client", f"http://127.0.0.1:{control}", f"R:127.0.0.1:{port}:127.0.0.1:{origin_port}")
    return _both(port, near, far)


# Key, label, start, programs: measured where the machine has them.
GUESTS = [
    ("rathole", "rathole", _rathole, ("rathole",)),
    ("bore", "bore", _bore, ("bore",)),
    ("frp", "frp, TCP", _frp, ("frps", "frpc")),
    ("chisel", "chisel", _chisel, ("chisel",)),
]

"""A machine that systemd has started: namespaces of its own with systemd as their first process, over a copy of this machine's files
that nobody else sees. What is written or mounted in there is gone with it; neither the kernel's settings nor its network is the real one."""

import os
import subprocess
import time
from pathlib import Path

import cells
import stage as staging

SYSTEMD = "/lib/systemd/systemd"
BOOT_SECONDS = 30
ANNA = 4242
# Enough to start services; those of this machine are not among them.
TARGETS = ("sysinit", "basic", "multi-user", "network-online", "shutdown", "sockets")
JOURNAL = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")

BOOT = r"""
set -e
box=$1 runtime=$2; shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs "$box"
mkdir "$box/new" "$box/work" "$box/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$box/new,workdir=$box/work" "$box/root"
cd "$box/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
mount -t sysfs sysfs sys -o ro
for folder in run tmp var dev home root etc/systemd/system; do mkdir -p $folder; mount -t tmpfs tmpfs $folder -o mode=755; done
chmod 1777 tmp
mkdir -p sys/fs/cgroup dev/pts dev/shm var/lib/private var/log var/tmp home/anna opt/tunnel usr/local/bin run/user/ANNA old
mount -t cgroup2 cgroup2 sys/fs/cgroup
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
chmod 700 var/lib/private run/user/ANNA
chown ANNA:ANNA home/anna run/user/ANNA
echo 'anna:x:ANNA:ANNA::/home/anna:/bin/sh' >> etc/passwd
echo 'anna:x:ANNA:' >> etc/group
mkdir -p etc/dotnet; echo "$runtime" > etc/dotnet/install_location
echo 0123456789abcdef0123456789abcdef > etc/machine-id
rm -rf opt/tunnel; mkdir -p opt/tunnel
for folder in "$@"; do cp -r "$folder/." opt/tunnel/; done
for target in TARGETS; do printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $target > etc/systemd/system/$target.target; done
for unit in JOURNAL; do cp /lib/systemd/system/$unit etc/systemd/system/; done
cat > etc/systemd/system/anna.service <<END
[Service]
Type=notify
User=anna
Delegate=yes
Environment=XDG_RUNTIME_DIR=/run/user/ANNA
ExecStart=SYSTEMD --user
END
ip link set lo up
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \
    SYSTEMD --system --unit=basic.target --log-target=journal
""".replace("ANNA", str(ANNA)).replace("TARGETS", " ".join(TARGETS)).replace("JOURNAL", " ".join(JOURNAL)).replace("SYSTEMD ", f"{SYSTEMD} ")


class Machine:
    """Leaving it ends all that runs in there."""

    def __init__(self, stage, binaries):
        self._stage = stage
        # Programs in folders of their own: with the runtime the folder has more than the program.
        self._folders = [str(Path(command[-1]).parent) for command in (binaries.server, binaries.agent)]
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        root = next((mount[1] for mount in mounts if mount[2] == "cgroup2"), None)
        self._group = Path(root) / f"tunnel-booted-{os.getpid()}" if root else None

    def __enter__(self):
        if not Path(SYSTEMD).exists() or os.getuid() != 0 or self._group is None:
            raise cells.Forbidden("this needs root, systemd and version 2 of control groups")
        try:
            self._group.mkdir()
        except OSError as error:
            raise cells.Forbidden(f"no control group can be made here: {error}") from error
        box = self._stage.folder("machine")
        self._outer = self._stage.start("machine", [
            "/bin/sh", "-c", cells.ENTER, str(self._group / "cgroup.procs"),
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup", "--net", "/bin/sh", "-c", BOOT, "boot", str(box), os.path.dirname(os.path.realpath(staging.find_program("dotnet"))), *self._folders])
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self._outer.is_running:
            children = Path(f"/proc/{self._outer.popen.pid}/task/{self._outer.popen.pid}/children").read_text(encoding="ascii").split()
            if children and Path(f"/proc/{children[0]}/comm").read_text(encoding="ascii").strip() == "systemd":
                self._first = children[0]
                if self.run("systemctl", "is-active", "basic.target").stdout.strip() == "active":
                    self.run("systemctl", "start", "systemd-journald")
                    return self
            time.sleep(0.1)
        said = self._outer.tail(3).strip()
        self.__exit__()
        raise cells.Forbidden(f"no systemd starts in namespaces here: {said}")

    def __exit__(self, *_):
        self._outer.kill()
        deadline = time.monotonic() + 10
        while self._group.exists() and time.monotonic() < deadline:
            # Deepest first; systemd has made one for each of its services.
            for folder in sorted(self._group.rglob("*/"), reverse=True):
                _try_remove(folder)
            _try_remove(self._group)
            time.sleep(0.05)

    def run(self, *command, user="root", seconds=60, **environment):
        """Runs a command in there, to its end."""
        return subprocess.run(self.command(*command, user=user, **environment), capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)

    def command(self, *command, user="root", **environment):
        """The command line that does."""
        home, own = ("/root", []) if user == "root" else (f"/home/{user}", ["setpriv", "--reuid", str(ANNA), "--regid", str(ANNA), "--clear-groups"])
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/tunnel", "HOME": home, "USER": user, "LANG": "C.UTF-8", **environment}
        return ["nsenter", "--target", self._first, "--all", *own, "env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command]

    def write(self, path, text):
        """Writes a file in there, and the folder for it."""
        subprocess.run(self.command("/bin/sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path), input=text, text=True, timeout=30, check=True)

    def read(self, path):
        """What a file in there holds; None: there is none."""
        done = self.run("cat", path)
        return done.stdout if done.returncode == 0 else None


def _try_remove(folder):
    try:
        folder.rmdir()
    except OSError:
        # Something in it is not gone yet.
        pass

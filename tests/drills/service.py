"""Both programs as services of a real systemd, in namespaces: made, asked, restarted, killed, changed and removed as a person does it,
with a visitor who sees what comes of it; then a service of a user."""

import re
import time

import booted
import cells
import stage as staging

PORT = 8076
AGENT, SERVER = "/opt/tunnel/tunnel-agent", "/opt/tunnel/tunnel-server"
UNIT = "/etc/systemd/system/tunnel-agent.service"
SETTINGS = "/etc/tunnel-agent/tunnel.yaml"
# A folder, and a password, of all that means something to somebody on the way.
FOLDER = "/etc/tunnel-agent/a b%n\"c'd$HOME\\e;ü"
PASSWORD = "a\"b$HOME\\c`id`%n 'd' ü"
ODD_PROGRAM = "/opt/p $HOME %n;ü"


def run(stage, binaries, report, options):
    staging.need("curl")
    try:
        with booted.Machine(stage, binaries) as machine:
            origin = stage.start("origin", machine.command("python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/opt", "8080"))
            of_the_machine(machine, report)
            told_when_refused(machine, report)
            odd_words(machine, report)
            removed(machine, report)
            of_a_user(machine, report)
            origin.kill()
    except cells.Forbidden as error:
        report.figure(f"skipped: {error}")


def of_the_machine(machine, report):
    done = machine.run(SERVER, "service", "install", "--domain", "localhost", "--http-port", str(PORT))
    judge(report, done, done.returncode == 0 and "runs. It starts with the machine." in done.stdout, "a server is a service")
    done = machine.run(AGENT, "service", "install")
    judge(report, done, done.returncode == 2 and "[service-without-settings]" in done.stderr, "an agent without a settings file is none")
    machine.write(SETTINGS, "tunnels: { web: { port: 8080, subdomain: demo } }\n")
    token = machine.run(SERVER, "token", "create", "laptop", "--subdomain", "demo", "--subdomain", "other", "--subdomain", "odd").stdout.strip()
    machine.run(AGENT, "login", token)
    done = machine.run(AGENT, "service", "install")
    judge(report, done, done.returncode == 0 and f"Wrote {UNIT}" in done.stdout, "with one it is, with the token that root stored")
    report.check(visit(machine, "demo") == "200", "a visitor is answered")
    scores = re.findall(r"level for tunnel-\w+.service: (\S+)", machine.run("systemd-analyze", "security", "--no-pager", "tunnel-server", "tunnel-agent").stdout)
    report.check(len(scores) == 2 and all(float(score) < 2 for score in scores), f"systemd-analyze security gives them {scores}; 9.6 is what holds nothing back")

    done = machine.run(AGENT, "status")
    judge(report, done, done.returncode == 0 and "web: http://demo.localhost" in done.stdout, "root's status shows its tunnels")
    machine.write(SETTINGS, "tunnels: { web: { port: 8080, subdomain: demo }, other: { port: 8080, subdomain: other } }\n")
    report.check(wait_visit(machine, "other"), "the file is saved, and the new tunnel is there")
    done = machine.run("systemctl", "reload", "tunnel-agent", "tunnel-server")
    judge(report, done, done.returncode == 0, "systemctl reloads both")

    first = pid_of(machine)
    machine.run("kill", "-KILL", first)
    report.check(wait_visit(machine, "demo") and pid_of(machine) not in ("0", first), "killed, it is started again")
    codes = [machine.run(AGENT, "service", verb).returncode for verb in ("status", "stop", "status", "start", "status", "restart", "status")]
    report.check(codes == [0, 0, 1, 0, 0, 0, 0] and wait_visit(machine, "demo"), f"status, stop, status, start, status, restart, status end with {codes}")
    done = machine.run(AGENT, "service", "logs", "--lines", "50")
    judge(report, done, "Forwarding http://demo.localhost" in done.stdout, "logs has its lines")


def told_when_refused(machine, report):
    machine.run(SERVER, "token", "revoke", "laptop")
    time.sleep(2.5)
    done = machine.run(AGENT, "service", "restart")
    judge(report, done, done.returncode == 1 and "ended with exit code 3" in done.stderr and "[token-revoked]" in done.stderr and "[service-does-not-run]" in done.stderr,
                 "a service whose token is refused is no success, and its log is shown")
    time.sleep(3)
    done = machine.run(AGENT, "service", "status")
    judge(report, done, done.returncode == 1 and "does not run" in done.stdout and "exit code 3" in done.stdout, "it is not started again and again")
    machine.run(AGENT, "logout")


def odd_words(machine, report):
    path = f"{FOLDER}/tunnel.yaml"
    machine.write(path, "tunnels: { web: { port: 8080, subdomain: odd2, basic-auth: ['anna:${PASS}'] } }\n")
    done = machine.run(AGENT, "service", "install", "--name", "odd", "--config", path, PASS=PASSWORD)
    process = pid_of(machine, "tunnel-agent-odd")
    words = machine.run("cat", f"/proc/{process}/cmdline").stdout.split("\0")
    variables = machine.run("cat", f"/proc/{process}/environ").stdout.split("\0")
    judge(report, done, done.returncode == 0 and words[:-1] == [AGENT, "start", "--all", "--config", path], f"a path of odd letters reaches the program as it is: {words[-2:-1]}")
    report.check(f"PASS={PASSWORD}" in variables, "and so does a password")
    kept = machine.run("stat", "-c", "%a %U", "/etc/tunnel-agent/tunnel-agent-odd.env").stdout.strip()
    report.check(kept == "600 root" and PASSWORD not in (machine.read(UNIT.replace("agent.", "agent-odd.")) or ""), f"it stands in a file of mode and owner {kept}, and not in the unit")
    report.check(machine.run(AGENT, "status").stdout.count("Agent ") == 1, "status finds an agent with a name of its own")

    machine.run("cp", "-r", "/opt/tunnel", ODD_PROGRAM)
    done = machine.run(f"{ODD_PROGRAM}/tunnel-agent", "service", "install", "--name", "odd", "--config", path)
    started = machine.run("readlink", f"/proc/{pid_of(machine, 'tunnel-agent-odd')}/exe").stdout.strip()
    judge(report, done, done.returncode == 0 and started == f"{ODD_PROGRAM}/tunnel-agent", f"a program in a folder of odd letters is started: {started}")
    done = machine.run(AGENT, "service", "uninstall", "--name", "odd")
    left = machine.run("/bin/sh", "-c", "ls /etc/tunnel-agent/*.env /etc/systemd/system/tunnel-agent-odd*").stdout
    judge(report, done, done.returncode == 0 and not left, "uninstalled, nothing of it is left")


def removed(machine, report):
    machine.write(f"{UNIT}.d/mine.conf", "[Service]\nNice=5\n")
    theirs = machine.read(UNIT) + "# mine\n"
    machine.write(UNIT, theirs)
    codes = [(machine.run(AGENT, "service", verb)) for verb in ("install", "uninstall")]
    report.check(all(done.returncode == 1 and "[service-file-changed]" in done.stderr for done in codes) and machine.read(UNIT) == theirs,
                 "a unit that a person changed is neither written over nor removed")
    codes = [machine.run(AGENT, "service", "install", "--force", "--no-start").returncode,
             *(machine.run(AGENT, "service", "uninstall").returncode for _ in range(2)), machine.run(SERVER, "service", "uninstall").returncode]
    left = machine.run("/bin/sh", "-c", "ls -d /etc/systemd/system/tunnel* /etc/systemd/system/multi-user.target.wants/*; systemctl list-units --no-legend 'tunnel*'").stdout.split()
    report.check(codes == [0, 0, 0, 0] and left == [f"{UNIT}.d"], f"forced, removed, removed once more: {codes}; of all units the drop-in is left: {left}")
    kept = machine.run("ls", SETTINGS, "/var/lib/tunnel-server/server-key.pem")
    report.check(kept.returncode == 0, "settings and state are where they were")


def of_a_user(machine, report):
    machine.run(SERVER, "service", "install", "--domain", "localhost", "--http-port", str(PORT))
    machine.run("systemctl", "start", "anna")
    machine.write("/home/anna/.config/tunnel-agent/tunnel.yaml", "tunnels: { web: { port: 8080, subdomain: annas } }\n")
    machine.run("chown", "-R", "anna:anna", "/home/anna")
    # As in a shell that su opened: nothing says where her systemd is.
    done = machine.run(AGENT, "service", "install", user="anna")
    judge(report, done, done.returncode == 0 and "loginctl enable-linger" in done.stdout, "a user's own service runs, and what lingering would change is told")
    report.check(wait_visit(machine, "annas"), "a visitor is answered by it")
    owner = machine.run("ps", "-o", "user=", "-C", "tunnel-agent").stdout.split()
    report.check(owner == ["anna"], f"it runs as {owner}")
    codes = [machine.run(AGENT, "service", verb, user="anna").returncode for verb in ("status", "restart", "stop", "uninstall", "uninstall")]
    report.check(codes == [0, 0, 0, 0, 0] and not machine.run("find", "/home/anna/.config/systemd", "-name", "tunnel*").stdout, f"status, restart, stop, uninstall and once more: {codes}")


def visit(machine, name):
    return machine.run("curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {name}.localhost", f"http://127.0.0.1:{PORT}/").stdout


def wait_visit(machine, name, seconds=20):
    deadline = time.monotonic() + seconds
    while visit(machine, name) != "200":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def pid_of(machine, service="tunnel-agent"):
    return machine.run("systemctl", "show", "--property=MainPID", "--value", service).stdout.strip()


def judge(report, done, is_right, text):
    """A check of a command, with what it said if that was not right."""
    report.check(is_right, text if is_right else f"{text}, but it ended with {done.returncode}: {(done.stdout + done.stderr).strip()}")

"""An ordinary visitor: a request every PAUSE seconds on a connection kept open, every tenth on a new one, each of the
names in turn. Ends when asked to; prints what became of its requests and how long they took.

    paced_visitor.py PORT PATH BYTES HOST...
"""

import http.client
import signal
import sys
import time

PAUSE = 0.02
is_over = False


def end(*_):
    global is_over
    is_over = True


def main():
    signal.signal(signal.SIGTERM, end)
    port, path, size, hosts = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    print("ready", flush=True)
    times, faults, count, connection = [], [], 0, None
    while not is_over:
        host = hosts[count % len(hosts)]
        if connection is None or count % 10 == 0:
            if connection:
                connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        count += 1
        started = time.monotonic()
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) != size:
                faults.append(f"{answer.status} {answer.headers.get('Tunnel-Error')}")
        except (OSError, http.client.HTTPException) as fault:
            faults.append(f"{type(fault).__name__} {fault}")
            connection.close()
            connection = None
        times.append(time.monotonic() - started)
        time.sleep(PAUSE)
    times.sort()
    middle, late = (times[int(len(times) * share)] for share in (0.5, 0.99))
    print(f"RESULT {count} {len(faults)} {middle} {late} {times[-1]} {'; '.join(faults[:5])}", flush=True)


main()

"""An ordinary visitor: a request every PAUSE seconds on a connection kept open, every tenth on a new one, each of the
names in turn. Ends when asked to; prints what became of its requests and how long they took.

    paced_visitor.py [--from ADDRESS] [--pause SECONDS] PORT PATH BYTES HOST...
"""

import argparse
import http.client
import signal
import time

is_over = False


def end(*_):
    global is_over
    is_over = True


def main():
    signal.signal(signal.SIGTERM, end)
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="source", default="127.0.0.1")
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("size", type=int)
    parser.add_argument("hosts", nargs="+")
    options = parser.parse_args()
    hosts = options.hosts
    print("ready", flush=True)
    times, faults, count, connection = [], [], 0, None
    while not is_over:
        host = hosts[count % len(hosts)]
        if connection is None or count % 10 == 0:
            if connection:
                connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=10, source_address=(options.source, 0))
        count += 1
        started = time.monotonic()
        try:
            connection.request("GET", options.path, headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) != options.size:
                faults.append(f"{answer.status} {answer.headers.get('Tunnel-Error')}")
        except (OSError, http.client.HTTPException) as fault:
            faults.append(f"{type(fault).__name__} {fault}")
            connection.close()
            connection = None
        times.append(time.monotonic() - started)
        time.sleep(options.pause)
    times.sort()
    middle, late = (times[int(len(times) * share)] for share in (0.5, 0.99))
    print(f"RESULT {count} {len(faults)} {middle} {late} {times[-1]} {'; '.join(faults[:5])}", flush=True)


main()

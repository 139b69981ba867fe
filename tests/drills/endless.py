"""Bodies of tens of gigabytes, down and up, with memory as flat as for small ones: 20 GiB each way (short: 512 MiB), every
byte compared."""

import http.client
import sys
import time

import crowd
import endless_origin
import stage as staging

GIB = 1024 * staging.MIB
SIZE, SHORT_SIZE = 20 * GIB, GIB // 2
# As in the drill of big files.
MOST_MIB = 150


def run(stage, binaries, report, options):
    size = options.gib * GIB if options.gib else SHORT_SIZE if options.short else SIZE
    origin = stage.start("origin", [sys.executable, "-B", str(staging.HERE / "endless_origin.py")])
    tunnel = stage.tunnel(binaries, int(origin.wait_line(r"listening (\d+)")[0][1]))
    for name, transfer in (("down", down), ("up, chunked", up)):
        peaks = []
        with crowd.Watch(tunnel.both) as watch:
            started = time.monotonic()
            count, is_right = transfer(tunnel, size, lambda: peaks.append(dict(watch.peak_mib)))
            seconds = time.monotonic() - started
        report.check(is_right and count == size, f"{name}: {count:,} of {size:,} bytes, {'each right' if is_right else 'some wrong'}, "
                     f"in {seconds:.0f} s, {count / seconds / 1e6:.0f} MB/s")
        for role in tunnel.both:
            half = peaks[0][role] if peaks else 0
            report.check(0 < watch.peak_mib[role] <= MOST_MIB, f"{name}: {role} {half:.0f} MiB at most in the first tenth, "
                         f"{watch.peak_mib[role]:.0f} in all (bound {MOST_MIB})")


def down(tunnel, size, at_a_tenth):
    connection = http.client.HTTPConnection("127.0.0.1", tunnel.port, timeout=60)
    connection.request("GET", f"/{size}", headers={"Host": tunnel.host})
    answer = connection.getresponse()
    buffer = bytearray(endless_origin.PIECE)
    view = memoryview(buffer)
    count, is_right, tenth = 0, answer.status == 200, size // 10
    while got := answer.readinto(buffer):
        is_right = is_right and view[:got] == endless_origin.expected(count, got)
        count += got
        if tenth and count > tenth:
            tenth = 0
            at_a_tenth()
    connection.close()
    return count, is_right


def up(tunnel, size, at_a_tenth):
    def pieces():
        for offset in range(0, size, endless_origin.PIECE):
            if offset == size // 10 // endless_origin.PIECE * endless_origin.PIECE:
                at_a_tenth()
            yield endless_origin.expected(offset, min(endless_origin.PIECE, size - offset))

    connection = http.client.HTTPConnection("127.0.0.1", tunnel.port, timeout=60)
    connection.request("PUT", "/", body=pieces(), headers={"Host": tunnel.host, "Transfer-Encoding": "chunked"}, encode_chunked=True)
    count, verdict = connection.getresponse().read().decode().split()
    connection.close()
    return int(count), verdict == "right"

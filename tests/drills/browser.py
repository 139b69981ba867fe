"""A page of 300 scripts, style sheets, images and fonts behind nginx, loaded by a headless Chromium through the tunnel.
The page itself counts what arrived and works; nginx's log says what was asked for; the picture is for people."""

import random
import re
import struct
import subprocess
import zlib
from pathlib import Path

import stage as staging

SCRIPTS, SHEETS, IMAGES, FONTS = 100, 80, 100, 20
TOTAL = SCRIPTS + SHEETS + IMAGES + FONTS
FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio",
         "--disable-domain-reliability", "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1000,900"]


def run(stage, binaries, report, options):
    (chromium,) = staging.need("chromium")
    folder = stage.folder("site")
    write_site(folder)
    log = stage.folder("origin") / "access.txt"
    # The format is named apart from nginx's own, and a line is written for every request at once.
    origin = stage.nginx("origin", "log_format drill '$status $uri';\n"
                         + staging.files_server(folder, f"access_log {log} drill;"))
    tunnel = stage.tunnel(binaries, origin.port)
    page = f"http://{tunnel.host}/"

    def browse(name, *arguments):
        # Names below localhost lead to this machine without asking anybody; nothing else is resolved at all.
        command = [chromium, *QUIET, f"--user-data-dir={stage.folder('profile-' + name)}",
                   "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND", *arguments, page]
        process = stage.start(f"chromium-{name}", command)
        try:
            process.popen.wait(60)
        except subprocess.TimeoutExpired:
            report.check(False, f"Chromium ({name}) did not finish within 60 s:\n{process.tail(5)}")
        process.stop(5)
        return "\n".join(line for _, line in process.lines)

    # The load event waits for scripts, sheets and images, and the virtual time for the fonts the page asks for then.
    text = browse("dom", "--dump-dom", "--virtual-time-budget=30000")
    title = re.search(r"<title>(.*?)</title>", text)
    report.check(bool(title) and title[1] == f"{TOTAL} of {TOTAL}", f"the page counts its assets: {title[1] if title else 'no title'}")
    told = re.search(r'<p id="told">(.*?)</p>', text)
    report.figure(told[1] if told else "the page says nothing")

    answers = [line.split(" ", 1) for line in log.read_text(encoding="utf-8").splitlines()]
    right = {uri for status, uri in answers if status == "200"}
    wrong = [f"{status} {uri}" for status, uri in answers if status not in ("200", "304")]
    missing = [name for name in assets() if "/" + name not in right]
    report.check(not missing and not wrong, f"the origin answered {len(right)} different requests with 200, {len(missing)} assets "
                 f"were never asked for, {len(wrong)} other answers {wrong[:3]}")

    if options.screenshot or not options.short:
        picture = Path(options.screenshot or stage.folder("picture") / "page.png").resolve()
        browse("picture", f"--screenshot={picture}", "--virtual-time-budget=30000")
        size = picture.stat().st_size if picture.exists() else 0
        report.check(size > 10_000, f"a screenshot of {size} bytes" + (f" is in {picture.name}" if options.screenshot else ""))


def assets():
    return ([f"s{n}.js" for n in range(SCRIPTS)] + [f"c{n}.css" for n in range(SHEETS)]
            + [f"i{n}.png" for n in range(IMAGES)] + [f"f{n}.ttf" for n in range(FONTS)])


def write_site(folder):
    numbers = random.Random(1)
    for n in range(SCRIPTS):
        # Sizes from nothing much to half a MiB, so that some span many frames.
        filling = "".join(f"// {numbers.random()}\n" for _ in range(numbers.choice((1, 50, 500, 5000))))
        (folder / f"s{n}.js").write_text(f"{filling}window.scripts = (window.scripts || 0) + 1;\n")
    for n in range(SHEETS):
        filling = "/* filling */\n" * numbers.choice((1, 100, 3000))
        (folder / f"c{n}.css").write_text(f"{filling}:root {{ --sheet{n}: 1 }}\n#b{n} {{ background: hsl({n * 360 // SHEETS} 70% 50%) }}\n")
    for n in range(IMAGES):
        (folder / f"i{n}.png").write_bytes(png(n, numbers))
    fonts = sorted(FONT_FOLDER.glob("*.ttf"))
    if not fonts:
        raise staging.Failure(f"needs fonts in {FONT_FOLDER} (Debian: apt-get install fonts-dejavu-core)")
    for n in range(FONTS):
        (folder / f"f{n}.ttf").write_bytes(fonts[n % len(fonts)].read_bytes())
    (folder / "favicon.ico").write_bytes(png(0, numbers))
    (folder / "index.html").write_text(page())


def png(number, numbers):
    """A square in a colour of its own, 40 pixels wide, with noise so that it does not compress away."""
    side, colour = 40, [(number * step) % 256 for step in (37, 91, 151)]
    rows = b"".join(b"\0" + bytes(max(0, min(255, part + numbers.randrange(-30, 30))) for _ in range(side) for part in colour)
                    for _ in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def page():
    sheets = "\n".join(f'<link rel="stylesheet" href="c{n}.css">' for n in range(SHEETS))
    faces = "\n".join(f'@font-face {{ font-family: face{n}; src: url(f{n}.ttf) }}' for n in range(FONTS))
    images = "".join(f'<img src="i{n}.png">' for n in range(IMAGES))
    boxes = "".join(f'<b id="b{n}"></b>' for n in range(SHEETS))
    words = "".join(f'<span style="font-family: face{n}">face {n}</span> ' for n in range(FONTS))
    scripts = "\n".join(f'<script src="s{n}.js"></script>' for n in range(SCRIPTS))
    return f"""<!doctype html>
<meta charset="utf-8">
<title>not yet</title>
{sheets}
<style>
{faces}
body {{ font: 18px sans-serif; margin: 20px }}
#boxes b {{ display: inline-block; width: 20px; height: 20px; margin: 1px }}
img {{ width: 40px; height: 40px; margin: 2px }}
#told {{ font-size: 24px }}
</style>
<h1>{TOTAL} assets through a tunnel</h1>
<p id="told">loading</p>
<p id="boxes">{boxes}</p>
<p>{images}</p>
<p>{words}</p>
{scripts}
<script>
addEventListener('load', async () => {{
  const style = getComputedStyle(document.documentElement);
  let sheets = 0, fonts = 0;
  for (let n = 0; n < {SHEETS}; n++) sheets += style.getPropertyValue('--sheet' + n).trim() === '1';
  for (let n = 0; n < {FONTS}; n++) {{
    try {{ fonts += (await document.fonts.load('18px face' + n)).length; }} catch {{ }}
  }}
  const images = [...document.images].filter(one => one.complete && one.naturalWidth === 40).length;
  const scripts = window.scripts || 0;
  document.title = (scripts + sheets + images + fonts) + ' of {TOTAL}';
  document.getElementById('told').textContent =
    `${{scripts}} scripts, ${{sheets}} style sheets, ${{images}} images, ${{fonts}} fonts arrived`;
}});
</script>
"""

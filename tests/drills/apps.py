"""Real applications behind the tunnel, used in a real browser as a person would: Vite with hot reload, a socket.io chat,
a video that seeks, an upload form with a file of gigabytes, a Jupyter notebook that runs a cell. What the browser does
stands in apps/browser.js.

Short: Vite, the chat, and the form with a smaller file.
"""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import crowd
import stage as staging

UPLOAD_MIB, SHORT_UPLOAD_MIB = 3072, 100
# As in the drill of big files: what both programs may hold while gigabytes pass.
MOST_MIB = 150
VIDEO_SECONDS = 40
MAIN = """import { word } from './word.js';
const show = text => { document.getElementById('word').textContent = text; };
show(word);
import.meta.hot.accept('./word.js', changed => show(changed.word));
"""
NOTEBOOK = {
    "cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
               "source": ["print('the answer is', 6 * 7)"]}],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4, "nbformat_minor": 4}


def run(stage, binaries, report, options):
    node, npm, chromium = staging.need("node", "npm", "chromium")
    scenes = ["vite", "chat", "upload"] + ([] if options.short else ["video", "jupyter"])
    folder = stage.folder("apps")
    for source in (staging.HERE / "apps").iterdir():
        if source.is_file():
            shutil.copy2(source, folder)
    installed = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, capture_output=True,
                               text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)
    if installed.returncode:
        raise staging.Failure(f"npm ci: {installed.stderr[-500:]}")

    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text('<!doctype html><title>vite</title><h1 id="word"></h1><script type="module" src="/main.js"></script>')
    (site / "main.js").write_text(MAIN)
    (site / "word.js").write_text("export const word = 'before';\n")
    size = (SHORT_UPLOAD_MIB if options.short else UPLOAD_MIB) * staging.MIB
    file = staging.sparse_file(stage.folder("upload") / "large.bin", size)

    ports = {
        "vite": vite(stage, node, folder, site),
        "chat": listening(stage.start("chat", [node, "chat.js"], cwd=folder)),
        "upload": listening(stage.start("upload", [node, "upload.js"], cwd=folder)),
    }
    if not options.short:
        ports |= {"video": video(stage).port, "jupyter": jupyter(stage)}
    server = stage.server(binaries)
    agents = {name: stage.agent(binaries, server, port, name) for name, port in ports.items()}
    pictures = Path(options.screenshot).resolve() if options.screenshot else stage.folder("pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    plan = {"scenes": scenes, "vite": str(site),
            "upload": {"file": str(file), "expected": f"{hash_of_zeros(size)} {size}", "seconds": 600}}
    pids = {"server": server.pid, "agent of upload": agents["upload"].pid}
    with crowd.Watch(pids) as watch:
        browser = stage.start("browser", [node, "browser.js", str(server.http_port), chromium, str(pictures), json.dumps(plan)], cwd=folder)
        try:
            browser.popen.wait(900)
        except subprocess.TimeoutExpired:
            pass
        browser.stop()
    checks = 0
    for _, line in browser.lines:
        match = re.match(r"(PASS|FAIL) (.*)", line)
        if match:
            checks += 1
            report.check(match[1] == "PASS", match[2])
        else:
            report.figure(line)
    report.check(checks >= len(scenes), f"{checks} checks in {len(scenes)} applications"
                 + ("" if browser.popen.returncode == 0 else f":\n{browser.tail()}"))
    for role, peak in watch.peak_mib.items():
        report.check(0 < peak <= MOST_MIB, f"{role}: at most {peak:.0f} MiB (bound {MOST_MIB})")


def listening(process):
    return int(process.wait_line(r"listening (\d+)")[0][1])


def vite(stage, node, folder, site):
    port = staging.free_port()
    process = stage.start("vite", [node, str(folder / "node_modules/vite/bin/vite.js"), str(site), "--host", "127.0.0.1",
                                   "--port", str(port), "--strictPort"], cwd=folder)
    staging.wait_port(port, 60, process)
    return port


def video(stage):
    (ffmpeg,) = staging.need("ffmpeg")
    folder = stage.folder("video")
    # Noise does not compress: the browser cannot have all of it before it seeks.
    done = subprocess.run(
        [ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"testsrc2=d={VIDEO_SECONDS}:s=640x360:r=10,noise=alls=80:allf=t", "-c:v", "libvpx",
         "-deadline", "realtime", "-cpu-used", "16", "-b:v", "12M", "-g", "20", str(folder / "film.webm")],
        capture_output=True, text=True, check=False, timeout=240, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise staging.Failure(f"ffmpeg: {done.stderr[-500:]}")
    (folder / "index.html").write_text('<!doctype html><title>video</title><video src="film.webm" preload="metadata" muted controls width="640"></video>')
    return stage.nginx("film", staging.files_server(folder, "types { text/html html; video/webm webm; }"))


def jupyter(stage):
    (program,) = staging.need("jupyter-notebook")
    folder = stage.folder("notebooks")
    (folder / "drill.ipynb").write_text(json.dumps(NOTEBOOK))
    port = staging.free_port()
    # Debian's own python has the kernel; another one on the path may not.
    process = stage.start(
        "jupyter", ["/usr/bin/python3", program, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0",
                    "--NotebookApp.token=", "--NotebookApp.password=", "--NotebookApp.allow_remote_access=True", f"--notebook-dir={folder}"],
        environment={"HOME": str(folder), "JUPYTER_DATA_DIR": str(folder / "data"), "PATH": "/usr/bin:/bin"}, cwd=folder)
    staging.wait_port(port, 60, process)
    return port


def hash_of_zeros(size):
    digest = hashlib.sha256()
    piece = bytes(staging.MIB)
    for _ in range(size // staging.MIB):
        digest.update(piece)
    return digest.hexdigest()

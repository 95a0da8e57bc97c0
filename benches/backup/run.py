#!/usr/bin/env python3
"""Backups beside restic: one tree of 1 GiB in 12,000 files, cold, again, and back.

    benches/backup/run.py STOCKADE [--megabytes 1024] [--files 12000] [--keep DIR]

STOCKADE is a program of the profile `release` or `dist`; restic is the one on the path. CPU seconds and the
largest resident set are those of the child alone, as the kernel counts them. Both trees that come back must
equal the one that went in, or the figures do not count.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

PASSWORD = "a bench"


def plant(root, files, megabytes):
    """Half of each file is noise, half repeats: what a catalogue of prices and its results are like."""
    dice = random.Random(7)
    size = megabytes * 1024 * 1024 // files
    for number in range(files):
        place = root / f"{number % 97:02}" / f"{number:05}"
        place.parent.mkdir(parents=True, exist_ok=True)
        own = max(1, int(size * dice.uniform(0.5, 1.5)))
        noise = dice.randbytes(own // 2)
        line = f"{number},2026-01-01T00:00:00Z,{dice.random()}\n".encode()
        place.write_bytes(noise + (line * (own // 2 // len(line) + 1))[: own - own // 2])


def digest(root):
    every = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        every.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return every.hexdigest()


def measured(words, **how):
    """Runs a program in a child of its own, so that its peak is not that of another."""
    begun = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        ran = subprocess.run(words, capture_output=True, check=False, **how)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = {"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024, "code": ran.returncode}
        said["out"] = ran.stdout.decode()[-4000:] + ran.stderr.decode()[-4000:]
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = json.loads(pipe.read())
    os.waitpid(child, 0)
    said["wall_s"] = time.monotonic() - begun
    if said["code"] != 0 or '"failed"' in said["out"]:
        sys.exit(f"{words}: {said['out']}")
    return said


class Ours:
    name = "stockade"

    def __init__(self, program, repository):
        self.program, self.repository = program, repository

    def order(self, **order):
        request = {"repository": {"directory": str(self.repository)}, "password": PASSWORD, "order": order}
        return measured([self.program, "backup-worker"], input=json.dumps(request).encode())

    def init(self):
        return self.order(do="init")

    def backup(self, tree):
        return self.order(do="backup", source=str(tree))

    def restore(self, out):
        self.order(do="list")
        return self.order(do="restore", snapshot="latest", into=str(out))

    def restored(self, out, _tree):
        return out


class Restic:
    name = "restic"

    def __init__(self, repository, cache):
        self.words = ["restic", "--cache-dir", str(cache), "-q", "-r", str(repository)]

    def run(self, *words):
        return measured(self.words + list(words), env={**os.environ, "RESTIC_PASSWORD": PASSWORD})

    def init(self):
        return self.run("init")

    def backup(self, tree):
        return self.run("backup", str(tree))

    def restore(self, out):
        return self.run("restore", "latest", "--target", str(out))

    def restored(self, out, tree):
        return out / tree.relative_to("/")


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("stockade", type=pathlib.Path)
    asked.add_argument("--megabytes", type=int, default=1024)
    asked.add_argument("--files", type=int, default=12000)
    ask = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="stockade-bench-") as place:
        place = pathlib.Path(place)
        tree = place / "tree"
        plant(tree, ask.files, ask.megabytes)
        want = digest(tree)
        print(f"{ask.megabytes} MiB, {ask.files} files; load {os.getloadavg()[0]:.1f} of {os.cpu_count()} processors")
        print("| | backup, CPU s | peak MB | again, CPU s | restore, CPU s | peak MB |\n|---|---|---|---|---|---|")
        for tool in (Ours(ask.stockade.resolve(), place / "ours"), Restic(place / "theirs", place / "cache")):
            tool.init()
            cold, again = tool.backup(tree), tool.backup(tree)
            out = place / f"out-{tool.name}"
            back = tool.restore(out)
            if digest(tool.restored(out, tree)) != want:
                sys.exit(f"{tool.name}: what came back is not what went in")
            figures = [cold["cpu_s"], cold["peak_mb"], again["cpu_s"], back["cpu_s"], back["peak_mb"]]
            print(f"| {tool.name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()

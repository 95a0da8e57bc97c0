"""What every peer's script shares: its arguments, its columns, its clock, its one line of JSON.

    python PEER_run.py WORKLOAD CONVENTION --data DIR [--rows N]
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import resource
import time

import numpy as np

FAST, SLOW = range(5, 45, 2), range(50, 250, 10)  # W3
ROWS = {"W1": 1_000_000, "W2a": 5_000_000, "W2b": 5_000_000, "W3": 100_000, "W4": 1_260_000}
PRICES = {"open", "high", "low", "close", "bid", "ask"}

parser = argparse.ArgumentParser()
parser.add_argument("workload", choices=ROWS)
parser.add_argument("convention")
parser.add_argument("--data", type=pathlib.Path, required=True)
parser.add_argument("--rows", type=int, help="of one instrument or of all; without it, all there are")
asked = parser.parse_args()
rows = asked.rows or ROWS[asked.workload]


def columns(name, *wanted):
    """The first rows of a set: prices as doubles (the nearest to ticks / 100), all else as int64."""
    read = lambda column: np.fromfile(asked.data / f"{name}.{column}.i64", "<i8", rows)
    return [read(column) / 100.0 if column in PRICES else read(column) for column in wanted]


class Clock:
    """CPU and wall seconds of what is inside the `with`: the engine's part, without imports and loading."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


def refuse():
    """For a workload or a convention that the peer cannot express."""
    raise SystemExit(f"does not do {asked.workload} {asked.convention}")


def say(peer, clock, fills, equity, **more):
    """W3 counts a row once for each of its pairs."""
    done = rows * len(FAST) * len(SLOW) if asked.workload == "W3" else rows
    whole = rows == ROWS[asked.workload]
    line = dict(
        peer=peer,
        version=importlib.metadata.version(peer),
        workload=asked.workload if whole else f"{asked.workload}/{rows}",
        convention=asked.convention,
        rows=done,
        wall_s=round(clock.wall, 4),
        cpu_s=round(clock.cpu, 4),
        rows_per_cpu_s=round(done / clock.cpu),
        fills=int(fills),
        equity=round(float(equity), 5),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        load1=round(os.getloadavg()[0], 1),
    )
    print(json.dumps(line | more), flush=True)

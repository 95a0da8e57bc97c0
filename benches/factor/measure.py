"""How every engine is timed: CPU and wall seconds of the fastest of some runs after a warm-up, and the peak memory."""

import json
import resource
import time


def measure(work, runs=3, warm=1, seconds=0.5):
    """Runs it at least `runs` times and `seconds` long; the fastest CPU time and the fastest wall time."""
    for _ in range(warm):
        work()
    cpus, walls = [], []
    while len(cpus) < runs or sum(walls) < seconds:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return min(cpus), min(walls)


def say(engine, threads, work, cells, cpu, wall, **more):
    """One line of JSON; `table.py` puts them side by side."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = dict(engine=engine, threads=threads, work=work, cells=cells, cpu=cpu, wall=wall, peak_mib=peak)
    print(json.dumps(line | more), flush=True)

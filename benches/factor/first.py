"""The first result of a process: wall seconds from its start to its end, the median of 30.

    python first.py COMMAND...
"""

import json
import statistics
import subprocess
import sys
import time

times = []
for _ in range(30):
    start = time.perf_counter()
    subprocess.run(sys.argv[1:], check=True, capture_output=True)
    times.append(time.perf_counter() - start)
line = dict(engine="ours", threads=1, work="first result", cells=0, cpu=0, wall=statistics.median(times), peak_mib=0)
print(json.dumps(line | {"fastest": min(times)}))

"""Puts the lines of JSON of all engines side by side: python table.py < figures.jsonl"""

import json
import sys

lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
ours = {(one["work"], one["threads"]): one for one in lines if one["engine"] == "ours"}
print("| work | engine | threads | CPU ms | wall ms | cells/CPU s | peak MiB | CPU beside ours | sum beside ours |")
print("|---|---|---|---|---|---|---|---|---|")
for one in sorted(lines, key=lambda one: (one["work"], one["threads"], one["engine"] != "ours")):
    base = ours.get((one["work"], one["threads"])) or ours.get((one["work"], 1))
    ratio = f"{one['cpu'] / base['cpu']:.2f}" if base and base["cpu"] and one["engine"] != "ours" else ""
    speed = f"{one['cells'] / one['cpu']:.2e}" if one["cells"] and one["cpu"] else ""
    figures = f"{one['cpu'] * 1e3:.2f} | {one['wall'] * 1e3:.2f} | {speed} | {one['peak_mib']:.0f}"
    # How far the sum of the results is from ours, of it: that the engines compute the same.
    apart = f"{abs(one['sum'] / base['sum'] - 1):.0e}" if base and base.get("sum") and one.get("sum") else ""
    print(f"| {one['work']} | {one['engine']} | {one['threads']} | {figures} | {ratio} | {apart} |")

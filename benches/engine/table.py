"""Puts the lines of a run side by side, against the referee's results: python table.py RESULTS.jsonl

The exit status is 1 if a result is not the referee's, or if there is none.
"""

import collections
import json
import pathlib
import statistics
import sys

EXPECTED = json.loads(pathlib.Path(__file__).with_name("expected.json").read_text())
BESIDE = {"next_open_sma_seed": "next_open", "pct_at_fill__next_open": "shares_at_close__next_open"}
HEAD = "workload,convention,engine,version,rows,runs,CPU s,rows/CPU s,ours / it,wall s,peak MiB,load,the referee's"


def referee(workload, convention):
    """Fills, equity and, of W3, the hash of its 400 rows; nothing where the referee has no such run."""
    if workload == "W3":
        names = dict(fills="total_fills", equity="sum_equity", sha256="sha256")
        return {name: EXPECTED["W3"][theirs] for name, theirs in names.items()}
    shorter = EXPECTED["partial"]
    if "/" in workload:
        return shorter.get(f"{workload}/{convention}")
    return EXPECTED[workload].get(convention) or shorter.get(f"{workload}/1000000/{convention}")


def verdict(line):
    """Money is exact in units of 1e-5; a peer that adds doubles may be off by one."""
    want = referee(line["workload"], line["convention"])
    if want is None:
        return "NO: the referee has no such run"
    if line["fills"] != want["fills"] or abs(line["equity"] - want["equity"]) > 1.001e-5:
        return f"NO: {line['fills']} fills, {line['equity']} for {want['fills']}, {want['equity']}"
    if "sha256" in line and line["sha256"] != want["sha256"]:
        return "NO: the sums are right, the hash of the pairs is not"
    return "yes"


def figure(value):
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def place(line):
    """What stands together: shorter runs with whole ones, other averages and sizings with ours."""
    convention = BESIDE.get(line["convention"], line["convention"])
    return line["workload"].split("/")[0], convention, line["peer"]


def row(group, rate, base):
    middle = lambda name: statistics.median(line[name] for line in group)
    workload, _, peer = place(group[0])
    loads = sorted(line["load1"] for line in group)
    ratio = f"{figure(base / rate)} ×" if base and peer != "ours" else ""
    peak = max(line["process"]["peak_mib"] for line in group)
    verdicts = "; ".join(sorted({verdict(line) for line in group}))
    cells = [workload, group[0]["convention"], peer, group[0]["version"], f"{group[0]['rows']:,}", len(group)]
    cells += [figure(middle("cpu_s")), f"{rate:.3g}", ratio, figure(middle("wall_s")), peak]
    cells += [f"{loads[0]} to {loads[-1]}" if loads[0] < loads[-1] else loads[0], verdicts]
    return "| " + " | ".join(map(str, cells)) + " |"


def show(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    groups = collections.defaultdict(list)
    for line in lines:
        if "fills" in line:
            groups[place(line)].append(line)
    rates = {
        key: statistics.median(line["rows"] / line["cpu_s"] for line in group) for key, group in groups.items()
    }
    print(", ".join(f"{key} {value}" for key, value in lines[0].items()))
    print("\n| " + " | ".join(HEAD.split(",")) + " |\n|" + "---|" * (HEAD.count(",") + 1))
    for key in sorted(groups, key=lambda key: (key[:2], key[2] != "ours", -rates[key])):
        print(row(groups[key], rates[key], rates.get((*key[:2], "ours"))))
    print()
    for line in lines:
        if "skipped" in line:
            print(f"skipped: {line['peer']}: {line['skipped']}")
        if "no_result" in line:
            what, took = f"{line['peer']} {line['workload']} {line['convention']}", line["process"]["cpu_s"]
            print(f"no result: {what}: {line['no_result']} (after {took} CPU s)")
    verdicts = [verdict(line) for line in lines if "fills" in line]
    print(f"{verdicts.count('yes')} of {len(verdicts)} results are the referee's")
    return 0 if verdicts and verdicts.count("yes") == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(show(pathlib.Path(sys.argv[1])))

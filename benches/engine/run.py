"""Ours and every peer on the same rows, one process at a time: see `run.sh`."""

import argparse
import functools
import itertools
import json
import os
import pathlib
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

import prepare
import table

CONVENTIONS = {
    "W1": ("next_open", "same_close"),
    "W2a": ("same_quote",),
    "W2b": ("same_quote",),
    "W3": ("next_open",),
    "W4": ("shares_at_close__next_open", "shares_at_close__same_close"),
}
# What trades in whole shares does all of it.
EVERY = [(workload, convention, None) for workload, of in CONVENTIONS.items() for convention in of]
# Workload, convention, rows. Fewer rows where all would take minutes: rates are compared.
RUNS = {
    "ours": EVERY,
    "plain_loop": EVERY,
    "vectorbt": [
        ("W1", "next_open", None),
        ("W1", "same_close", None),
        ("W3", "next_open", None),
        ("W4", "pct_at_fill__next_open", None),
    ],
    "backtesting": [("W1", "next_open", None), ("W1", "same_close", None)],
    "backtrader": [("W1", "next_open_sma_seed", 100_000), ("W4", "shares_at_close__next_open", None)],
    "nautilus_trader": [
        ("W1", "same_close", 200_000),
        ("W2a", "same_quote", 300_000),
        ("W2b", "same_quote", 2_000_000),
        ("W4", "shares_at_close__same_close", None),
    ],
    "nautilus_backtest": [("W1", "same_close", 100_000), ("W2a", "same_quote", 100_000)],
    "hftbacktest": [("W2a", "same_quote", None)],
}
PREPARE = {name: functools.partial(prepare.python_peer, name=name) for name in RUNS} | {
    "ours": prepare.ours,
    "plain_loop": prepare.plain_loop,
    "nautilus_backtest": prepare.nautilus_backtest,
}
SLOW = 60  # CPU seconds of a process that is not run again


def machine():
    """What the figures were made on; beside every figure stands the load at its time."""
    info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model, number = (next(line for line in info if line.startswith(key)) for key in ("model name", "model\t"))
    model = f"{model.split(': ')[1]} (model {number.split(': ')[1]})"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=prepare.HOUSE).stdout.strip()
    return dict(
        machine=model, cores=os.cpu_count(), memory_gib=round(memory), load1=load(),
        system=f"{platform.system()} {platform.release()}", python=platform.python_version(), rust=rust,
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )  # fmt: skip


def load():
    return round(os.getloadavg()[0], 1)


def limited(seconds):
    """For the child: the kernel ends it after so many CPU seconds, however loaded the machine is."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def measured(command, seconds):
    """The last line of JSON of a command, or why there is none, with what the process took as a whole."""
    begun, late = time.monotonic(), threading.Event()
    with tempfile.TemporaryFile("w+") as errors:
        pipes = dict(stdout=subprocess.PIPE, stderr=errors, text=True)
        child = subprocess.Popen(command, cwd=prepare.HOUSE, preexec_fn=lambda: limited(seconds), **pipes)
        # A process that only sleeps uses no CPU time.
        guard = threading.Timer(5 * seconds, lambda: (late.set(), child.kill()))
        guard.start()
        lines = [line for line in child.stdout if line.startswith("{")]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        guard.cancel()
        errors.seek(0)
        said = errors.read()
    cpu = usage.ru_utime + usage.ru_stime
    process = dict(cpu_s=round(cpu, 2), wall_s=round(time.monotonic() - begun, 2), peak_mib=usage.ru_maxrss // 1024)
    if child.returncode == 0 and lines:
        return {"load1": load()} | json.loads(lines[-1]) | {"process": process}
    if child.returncode == -signal.SIGXCPU:
        why = f"over the limit of {seconds} CPU s"
    elif late.is_set():
        why = f"over the limit of {5 * seconds} s"
    elif child.returncode < 0:
        why = f"ended by {signal.Signals(-child.returncode).name}"
    else:
        why = prepare.reason(said)
    return dict(no_result=why, load1=load(), process=process)


def some_of(known, text):
    names = text.split(",")
    if unknown := set(names) - set(known):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description="Ours and every peer on the same rows.")
    peers, workloads = (functools.partial(some_of, known) for known in (RUNS, CONVENTIONS))
    parser.add_argument("--only", type=peers, default=list(RUNS), help="peers; ours is always run")
    parser.add_argument("--workloads", type=workloads, default=list(CONVENTIONS))
    parser.add_argument("--reps", type=int, default=3, help="runs of each; one that takes over a minute is run once")
    parser.add_argument("--limit", type=int, default=600, help="CPU seconds for one run")
    parser.add_argument("--scratch", type=pathlib.Path, default=prepare.HOUSE / "target/bench-engine")
    return parser.parse_args()


def main():
    asked = arguments()
    scratch = asked.scratch.resolve()
    try:
        data = prepare.data(scratch)
    except prepare.Skipped as why:
        sys.exit(f"without the data nothing runs: {why}")
    results = scratch / "results.jsonl"
    with results.open("w") as file:

        def keep(line):
            print(json.dumps(line), file=file, flush=True)
            print(json.dumps(line), file=sys.stderr, flush=True)

        keep(machine())
        commands = {}
        for peer in dict.fromkeys(["ours", *asked.only]):
            try:
                commands[peer] = PREPARE[peer](scratch)
            except prepare.Skipped as why:
                keep(dict(peer=peer, skipped=str(why)))
        wanted = [(peer, *one) for peer in commands for one in RUNS[peer] if one[0] in asked.workloads]
        done = set()
        # Round by round, so that what else the machine does meets all alike.
        for _, run in itertools.product(range(asked.reps), wanted):
            if run in done:
                continue
            peer, workload, convention, rows = run
            # Ours has one sizing for W4, so it names the fill only.
            spoken = convention.removeprefix("shares_at_close__") if peer == "ours" else convention
            command = [*commands[peer], workload, spoken, "--data", data, *(["--rows", str(rows)] if rows else [])]
            line = measured(command, asked.limit)
            keep(line | dict(peer=peer, workload=f"{workload}/{rows}" if rows else workload, convention=convention))
            if "no_result" in line or line["process"]["cpu_s"] > SLOW:
                done.add(run)
    sys.exit(table.show(results))


if __name__ == "__main__":
    main()

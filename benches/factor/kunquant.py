"""KunQuant: its own Alpha101 list (82 of them), and single operators.

    python kunquant.py compile SCRATCH float64          # C++, -O3 -march=native; kept in SCRATCH
    python kunquant.py run SCRATCH float64 THREADS [--save DIRECTORY]
    python kunquant.py operators SCRATCH float64
"""

import os
import pathlib
import sys
import time

import numpy as np
from KunQuant import ops
from KunQuant.Driver import KunCompilerConfig
from KunQuant.jit import cfake
from KunQuant.Op import Builder, Input, Output, Rank
from KunQuant.predefined.Alpha101 import AllData, all_alpha
from KunQuant.runner import KunRunner
from KunQuant.Stage import Function

import panel
from measure import measure, say

NAMES, DAYS = int(os.environ.get("NAMES", "500")), int(os.environ.get("DAYS", "2520"))
WIDE = "avx512f" in pathlib.Path("/proc/cpuinfo").read_text()
SINGLE = {
    "rank": lambda x, y: Rank(x),
    "ts_sum(20)": lambda x, y: ops.WindowedSum(x, 20),
    "ts_mean(20)": lambda x, y: ops.WindowedAvg(x, 20),
    "ts_std(20)": lambda x, y: ops.WindowedStddev(x, 20),
    "ts_corr(20)": lambda x, y: ops.WindowedCorrelation(x, 20, y),
    "ts_rank(20)": lambda x, y: ops.TsRank(x, 20),
    "ts_argmax(20)": lambda x, y: ops.TsArgMax(x, 20),
    "ts_min(20)": lambda x, y: ops.WindowedMin(x, 20),
    "decay_linear(20)": lambda x, y: ops.DecayLinear(x, 20),
    "delta(5)": lambda x, y: ops.Sub(x, ops.BackRef(x, 5)),
}


def settings(dtype):
    """Its widest registers for the type, days x names in and out: what the others read and write too."""
    lanes = {"float64": 4, "float32": 8}[dtype] * (2 if WIDE else 1)
    return KunCompilerConfig(
        blocking_len=lanes,
        input_layout="TS",
        output_layout="TS",
        dtype={"float64": "double", "float32": "float"}[dtype],
        split_source=12,
        options={"opt_reduce": True, "fast_log": True, "no_fast_stat": "no_warn"},
    )


def all_82():
    builder = Builder()
    with builder:
        inputs = {name: Input(name) for name in ("low", "high", "close", "open", "volume", "vwap")}
        data = AllData(amount=Input("amount"), **inputs)
        for alpha in all_alpha:
            Output(alpha(data), alpha.__name__)
    return Function(builder.ops)


def one(make):
    """Over all six fields: a graph of a single node would measure the call."""
    builder = Builder()
    with builder:
        inputs = {name: Input(name) for name in panel.FIELDS}
        for name, x in inputs.items():
            Output(make(x, inputs["close" if name == "volume" else "volume"]), f"of_{name}")
    return Function(builder.ops)


def build(scratch, dtype):
    start = time.perf_counter()
    cpu = os.times()
    functions = [(f"wq101_{dtype}", all_82(), settings(dtype))]
    for at, make in enumerate(SINGLE.values()):
        functions.append((f"single{at}_{dtype}", one(make), settings(dtype)))
    for name, function, config in functions:
        directory = pathlib.Path(scratch) / "kunquant"
        directory.mkdir(parents=True, exist_ok=True)
        compiler = cfake.CppCompilerConfig(for_each=cfake.single_thread_compile)
        cfake.compileit([(name, function, config)], name, compiler, tempdir=str(directory), keep_files=True, load=False)
        if name.startswith("wq101"):
            spent = os.times()
            seconds = sum(spent[:4]) - sum(cpu[:4])
            say("kunquant", 1, f"compile {dtype}", 0, seconds, time.perf_counter() - start)


def module(scratch, name):
    library = KunRunner.Library.load(str(pathlib.Path(scratch) / "kunquant" / name / f"{name}.so"))
    return library, library.getModule(name)


def prepare(graph, fields, threads):
    names = graph.getOutputNames()
    block = np.zeros((len(names), DAYS, NAMES), dtype=fields["close"].dtype)
    out = dict(zip(names, block))
    executor = KunRunner.createSingleThreadExecutor() if threads == 1 else KunRunner.createMultiThreadExecutor(threads)
    return out, lambda: KunRunner.runGraph(executor, graph, fields, 0, DAYS, out, num_stocks=NAMES)


def run(scratch, dtype, threads, save):
    fields, _ = panel.load(scratch, NAMES, DAYS, dtype)
    _library, graph = module(scratch, f"wq101_{dtype}")
    out, work = prepare(graph, fields, threads)
    cpu, wall = measure(work, runs=2)
    say(f"kunquant {dtype}", threads, "wq101", len(out) * NAMES * DAYS, cpu, wall)
    if save:
        pathlib.Path(save).mkdir(parents=True, exist_ok=True)
        for name, values in out.items():
            np.save(f"{save}/{name}.npy", values)


def operators(scratch, dtype):
    fields, _ = panel.load(scratch, NAMES, DAYS, dtype)
    for at, name in enumerate(SINGLE):
        _library, graph = module(scratch, f"single{at}_{dtype}")
        out, work = prepare(graph, fields, 1)
        cpu, wall = measure(work)
        # Its ts_rank is a count.
        digest = float(np.nansum(out["of_close"][50:], dtype=float)) / (20 if name == "ts_rank(20)" else 1)
        say(f"kunquant {dtype}", 1, name, NAMES * DAYS, cpu / len(out), wall / len(out), sum=digest)


if __name__ == "__main__":
    command, scratch, dtype = sys.argv[1:4]
    if command == "compile":
        build(scratch, dtype)
    elif command == "run":
        run(scratch, dtype, int(sys.argv[4]), sys.argv[6] if "--save" in sys.argv else None)
    else:
        operators(scratch, dtype)

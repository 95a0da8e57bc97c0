"""Makes what a run needs in the scratch folder, and keeps it: data, one environment per peer, programs.

Every function gives the command that a workload, a convention and `--data DIR` are appended to, or raises `Skipped`.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
HOUSE = HERE.parent.parent
PEERS = HERE / "peers"
KERNEL = HOUSE / "crates/engine/examples"


class Skipped(Exception):
    """Why a peer is left out."""


def do(*command):
    done = subprocess.run([str(part) for part in command], cwd=HOUSE, capture_output=True, text=True)
    if done.returncode:
        raise Skipped(f"{pathlib.Path(command[0]).name}: {reason(done.stderr)}")


def reason(errors):
    """The line that says it: after a panic the next one, or the first that begins with `error`, or the last."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()] or ["no message"]
    panics = [after for line, after in zip(lines, lines[1:]) if " panicked at " in line]
    named = [line for line in lines if line.lower().startswith("error")]
    return (panics + named + lines[-1:])[0]


def environment(folder, requirements, module):
    """A virtual environment with exactly these versions, from which the module can be imported."""
    python, seal = folder / "bin/python", folder / "installed.txt"
    if not (seal.exists() and seal.read_text() == requirements.read_text()):
        do(sys.executable, "-m", "venv", "--clear", folder)
        do(python, "-m", "pip", "install", "--quiet", "-r", requirements)
        do(python, "-W", "ignore", "-c", f"import {module}")
        seal.write_text(requirements.read_text())
    return python


def data(scratch):
    python = environment(scratch / "venv/data", HERE / "requirements.txt", "numpy")
    do(python, HERE / "gen.py", scratch / "data")
    return scratch / "data"


def python_peer(scratch, name):
    python = environment(scratch / "venv" / name, PEERS / f"{name}.txt", name)
    return [python, PEERS / f"{name}_run.py"]


def nautilus_backtest(scratch):
    """A workspace of its own: its crates are no part of ours."""
    manifest, target = PEERS / "nautilus_backtest/Cargo.toml", scratch / "nautilus_backtest"
    do("cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", target)
    return [target / "release/nautilus_backtest_run"]


def plain_loop(scratch):
    program = scratch / "limit"
    flags = ("--edition", "2024", "-O", "-C", "codegen-units=1", "-C", "panic=abort")
    do("rustc", *flags, "-o", program, HERE / "limit.rs")
    return [program]


def ours(scratch):
    if not any((KERNEL / path).exists() for path in ("kernel.rs", "kernel/main.rs")):
        raise Skipped("the engine has no example `kernel` yet")
    do("cargo", "build", "--profile", "dist", "--quiet", "--package", "engine", "--example", "kernel")
    return [HOUSE / os.environ.get("CARGO_TARGET_DIR", "target") / "dist/examples/kernel"]

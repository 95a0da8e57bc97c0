#!/bin/sh
# All figures of the trading engine beside its peers, in one command; needs python3, cargo and a network for pip and crates.
#   benches/engine/run.sh [--only PEER,...] [--workloads W1,...] [--reps 3] [--limit CPU_SECONDS] [--scratch DIR]
# About 5 GB of memory and 4 GB of disk (target/bench-engine). What cannot be installed or run is named with its reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
export PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-python3}" "$here/run.py" "$@"

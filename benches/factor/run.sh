#!/bin/sh
# All figures of the factor engine beside its peers, in one command; needs python3, g++ and a network for pip.
#   benches/factor/run.sh [SCRATCH]      # about 3 GB of memory and of disk, ten minutes on a quiet machine
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=${1:-${TMPDIR:-/tmp}/factor-bench}
export NAMES="${NAMES:-500}" DAYS="${DAYS:-2520}" PYTHONDONTWRITEBYTECODE=1
panel=$scratch/${NAMES}x${DAYS}
mkdir -p "$scratch/ours"
cd "$here/../.."

[ -x "$scratch/venv/bin/python" ] || python3 -m venv "$scratch/venv"
python=$scratch/venv/bin/python
"$python" -m pip install -q -r "$here/requirements.txt"
cargo build --release -q -p factor --example wq101
ours=${CARGO_TARGET_DIR:-target}/release/examples/wq101

"$python" "$here/panel.py" "$scratch" "$NAMES" "$DAYS"
for type in float64 float32; do
    [ -d "$scratch/kunquant/wq101_$type" ] || nice "$python" "$here/kunquant.py" compile "$scratch" $type
done | tee -a "$scratch/compile.jsonl"
{
    cat "$scratch/compile.jsonl"
    "$ours" all "$panel" 1 "$scratch/ours"
    "$ours" all "$panel" 2
    "$ours" operators "$panel" 1
    # The same into columns that are there already, as KunQuant's: much of an operator's time is the first touch.
    "$ours" operators-again "$panel" 1
    "$python" "$here/first.py" "$ours" first
    "$python" "$here/kunquant.py" run "$scratch" float64 1 --save "$scratch/theirs"
    "$python" "$here/kunquant.py" run "$scratch" float64 2
    "$python" "$here/kunquant.py" run "$scratch" float32 1
    "$python" "$here/kunquant.py" run "$scratch" float32 2
    "$python" "$here/kunquant.py" operators "$scratch" float64
    "$python" "$here/kunquant.py" operators "$scratch" float32
    "$python" "$here/polars_run.py" "$scratch" 1
    "$python" "$here/pandas_run.py" "$scratch"
} > "$scratch/figures.jsonl"
"$python" "$here/table.py" < "$scratch/figures.jsonl"
"$python" "$here/compare.py" "$scratch/ours" "$scratch/theirs"

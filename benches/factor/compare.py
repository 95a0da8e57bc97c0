"""Cell by cell: our alphas (`wq101 all ... SAVE`) against KunQuant's own outputs (`kunquant.py run ... --save`).

    python compare.py OURS THEIRS

Per alpha: cells that both have, the share of them that agree (1e-6 of the value), the largest difference,
and cells that only one has. Rows before the longest warm-up of any alpha are left out.
"""

import pathlib
import sys

import numpy as np

WARM = 300
np.seterr(all="ignore")  # powers that KunQuant lets run to 1e308

print(f"{'alpha':<9}{'both':>9}{'agree':>9}{'median |d|':>12}{'max |d|':>12}{'corr':>8}{'only ours':>11}{'only theirs':>12}")
for path in sorted(pathlib.Path(sys.argv[2]).glob("alpha*.npy")):
    ours = np.load(pathlib.Path(sys.argv[1]) / path.name)[WARM:]
    theirs = np.load(path).astype(float)[WARM:]
    mine, other = np.isfinite(ours), np.isfinite(theirs)
    both = mine & other
    a, b = ours[both], theirs[both]
    gap = np.abs(a - b)
    agree = (gap <= 1e-6 * np.maximum(np.abs(a), 1e-3)).mean() if len(a) else np.nan
    alike = np.corrcoef(a, b)[0, 1] if len(a) and a.std() > 0 and b.std() > 0 else np.nan
    median, most = (np.median(gap), gap.max()) if len(a) else (np.nan, np.nan)
    print(
        f"{path.stem:<9}{both.sum():>9}{agree:>9.4f}{median:>12.3g}{most:>12.3g}{alike:>8.3f}"
        f"{(mine & ~other).sum():>11}{(other & ~mine).sum():>12}"
    )

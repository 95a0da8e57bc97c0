"""The seeded panel that every engine reads: one .npy file a field, little-endian float64, days x names.

    python panel.py DIRECTORY NAMES DAYS      # writes DIRECTORY/NAMESxDAYS/{open,...,sector}.npy

Dense random walks with a common factor; the same numpy Generator and seed give the same bytes.
"""

import pathlib
import sys

import numpy as np

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
SEED = 101_1601


def make(names, days):
    dice = np.random.Generator(np.random.PCG64(SEED))
    first = np.exp(dice.uniform(np.log(5.0), np.log(400.0), names))
    spread = dice.uniform(0.008, 0.032, names)
    usual = np.exp(dice.uniform(np.log(2e5), np.log(2e7), names))
    beta = dice.uniform(0.5, 1.5, names)

    def noise(scale):
        return dice.standard_normal((days, names)) * spread * scale

    change = 0.0002 + beta * (0.009 * dice.standard_normal((days, 1))) + noise(1.0)
    close = first * np.exp(np.cumsum(change, axis=0))
    before = np.vstack([first[None, :], close[:-1]])
    open_ = before * np.exp(noise(0.4))
    high = np.maximum(open_, close) * np.exp(np.abs(noise(0.4)))
    low = np.minimum(open_, close) * np.exp(-np.abs(noise(0.4)))
    volume = np.floor(usual * np.exp(0.35 * dice.standard_normal((days, names)) + 8 * np.abs(change)))
    vwap = (open_ + high + low + 2 * close) / 5
    fields = dict(open=open_, high=high, low=low, close=close, volume=volume + 100, vwap=vwap)
    return fields, (np.arange(names) * 7 % 11).astype(np.float64)


def load(root, names, days, dtype="float64"):
    """The fields, and each name's sector; written first if they are not there."""
    place = pathlib.Path(root) / f"{names}x{days}"
    if not (place / "sector.npy").exists():
        place.mkdir(parents=True, exist_ok=True)
        fields, sector = make(names, days)
        for name, values in fields.items():
            np.save(place / f"{name}.npy", np.ascontiguousarray(values, dtype="<f8"))
        np.save(place / "sector.npy", sector)
    fields = {name: np.load(place / f"{name}.npy").astype(dtype) for name in FIELDS}
    return fields, np.load(place / "sector.npy")


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

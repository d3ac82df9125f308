"""The learned weights that are shipped, and how they are kept."""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from streams.domain.forecast_learned import Weights

MODEL_FILE: Final = Path(__file__).parent / "forecast_model.npz"


@dataclass(frozen=True)
class Model:
    """Weights by level of aggregation, and the days that they were learned on."""

    weights: dict[str, Weights]
    days: tuple[date, ...]


def write_model(model: Model, path: Path = MODEL_FILE) -> None:
    """Write a model; equal models give equal arrays."""
    arrays = {
        f"{level}_{name}": array
        for level, weights in model.weights.items()
        for name, array in (
            ("horizons", weights.horizons),
            ("weights", weights.weights.astype(np.float32)),
        )
    }
    days = json.dumps([day.isoformat() for day in model.days])
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, days=np.array(days), **arrays)


@lru_cache(maxsize=4)
def read_model(path: Path = MODEL_FILE) -> Model:
    """Return the model of a file, by default the one that is shipped.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is not a model.
    """
    with np.load(path, allow_pickle=False) as arrays:
        levels = [name.removesuffix("_weights") for name in arrays if name.endswith("_weights")]
        return Model(
            {
                level: Weights(
                    arrays[f"{level}_horizons"], arrays[f"{level}_weights"].astype(np.float64)
                )
                for level in levels
            },
            tuple(date.fromisoformat(day) for day in json.loads(str(arrays["days"]))),
        )

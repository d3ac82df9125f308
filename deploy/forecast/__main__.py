"""`python -m deploy.forecast`: learn the forecaster's weights anew and write them to be shipped."""

import argparse
from pathlib import Path

import numpy as np

from deploy.forecast.training import train
from load_generator.profiles import read_profiles
from streams.domain.forecast_features import Place
from streams.domain.holidays import german_holidays
from streams.forecast_model import MODEL_FILE, write_model


def main() -> None:
    """Train on a file of profiles, as long as it has them, and write the model."""
    parser = argparse.ArgumentParser(prog="python -m deploy.forecast", description=__doc__)
    parser.add_argument("--profiles", type=Path, required=True, help="SimBench columns, a year")
    parser.add_argument("--model", type=Path, default=MODEL_FILE, help="where to write it")
    options = parser.parse_args()
    profiles = read_profiles([options.profiles])
    years = np.unique([day.year for day in profiles.days]).tolist()
    place = Place(holidays=frozenset().union(*(german_holidays(year) for year in years)))
    model = train(profiles, place, on_progress=print)
    write_model(model, options.model)
    print(f"{options.model}: learned on {len(model.days)} days")  # noqa: T201


if __name__ == "__main__":
    main()

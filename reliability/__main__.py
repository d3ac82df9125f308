"""`python -m reliability`: a campaign of faults against the running system; and its table."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from reliability.campaign import Campaign, run
from reliability.faults import Kind
from reliability.results import Result, table, table_of_control, table_of_people, table_of_runs
from streams.settings import ConfigurationError, DeliveryMode

_OUT = Path("out/reliability")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("run", "table"), default="run")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same faults and frames")
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds, from --seed on")
    parser.add_argument("--faults", type=int, default=25, help="how many faults")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the load lasts")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="of the broker")
    parser.add_argument(
        "--delivery",
        choices=("transactional", "plain"),
        default="transactional",
        help="of metering, validation, alerts and control",
    )
    parser.add_argument(
        "--without",
        action="append",
        choices=[kind.name for kind in Kind],
        default=[],
        metavar="KIND",
        help=f"leave out a kind of fault; repeatable; one of: {', '.join(k.name for k in Kind)}",
    )
    parser.add_argument("--out", type=Path, default=_OUT, help="folder of results and logs")
    options = parser.parse_args(arguments)
    if options.what == "table":
        paths = sorted(options.out.glob("seed-*.json"), key=lambda path: (len(path.name), path))
        results = [Result.read(path) for path in paths]
        tables = (table_of_runs, table_of_people, table_of_control, table)
        _say("\n".join(each(results) for each in tables))
        return 0
    # So that an end from outside leaves no process, no mount and no folder behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    failed = 0
    for seed in range(options.seed, options.seed + options.seeds):
        campaign = Campaign(
            seed,
            options.faults,
            options.minutes,
            options.nodes,
            DeliveryMode(options.delivery),
            frozenset(Kind[name] for name in options.without),
            options.out,
        )
        try:
            result = run(campaign, say=_say)
        except ConfigurationError as error:
            sys.exit(str(error))
        failed += not result.passed
        _tell(result, campaign)
    return 1 if failed else 0


def _tell(result: Result, campaign: Campaign) -> None:
    done = sum(happened.is_done for happened in result.faults)
    worst = max((h.healed_s for h in result.faults if h.healed_s is not None), default=0.0)
    _say(
        f"seed {result.seed}: {done} faults in {result.seconds:.0f} s, worst healing {worst} s, "
        f"well {result.healed_s} s and exact {result.exact_s} s after the last, "
        f"{result.frames} frames, difference {result.difference_mwh} mWh"
    )
    _say("  " + ", ".join(f"{name}: {value:g}" for name, value in result.control.items()))
    for name, found in result.checks.items():
        if found != "ok":
            _say(f"  {name}: {found}")
    if not result.passed:
        _say(f"failed: {result.command}\nlogs: {campaign.out / campaign.name / 'log'}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())

"""Print the figures on seeds that no test uses: `PYTHONPATH=tests python -m simulator.report [INCIDENTS] [SEED]`."""

from __future__ import annotations

import sys

from simulator.kinds import AT_FAULT, BY_PEOPLE, HARD, NO_CULPRIT, tally

from aiprov.triage._score import Model
from aiprov.triage._spike import UNTUNED, Tuning

ABLATIONS = {
    "full model": UNTUNED,
    "without deduplication": Tuning(dedupe=False),
    "without exposure": Tuning(model=Model(exposure=False)),
    "without specificity": Tuning(model=Model(specificity=False)),
    "without change": Tuning(model=Model(change=False)),
    "without depth decay": Tuning(gamma=1.0),
}


def main(incidents: int = 300, first_seed: int = 1_000_000) -> None:
    seeds = range(first_seed, first_seed + incidents)
    groups = {"AI culprit": AT_FAULT, "human culprit": BY_PEOPLE, "no culprit": NO_CULPRIT, "hard": HARD}
    print("| incident | variant | right first | named something where nothing was |\n|---|---|---|---|")  # noqa: T201
    for title, kinds in groups.items():
        for name, kind in kinds.items():
            found = tally([kind], seeds)
            print(f"| {title} | {name} | {_share(found.found)} | {_share(found.alarmed)} |", flush=True)  # noqa: T201
    print("\n| model | right first | alarms, human culprit | alarms, no culprit |\n|---|---|---|---|")  # noqa: T201
    for name, tuning in ABLATIONS.items():
        right, people, nothing = (
            tally(kinds.values(), seeds, tuning=tuning) for kinds in (AT_FAULT, BY_PEOPLE, NO_CULPRIT)
        )
        row = (right.found, people.alarmed, nothing.alarmed)
        print(f"| {name} | {' | '.join(map(_share, row))} |", flush=True)  # noqa: T201


def _share(value: float) -> str:
    return "" if value != value else f"{value:.1%}"  # noqa: PLR0124  # not a number


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

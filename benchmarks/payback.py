"""How honest payback is: `python benchmarks/payback.py` prints a table, seeded.

It generates histories of services whose true rates are known, gives the worst tenth epics that do
nothing or halve what happens, and lets the project's SQL judge them: how often it calls improved
what did nothing, how close what it expects is to the truth, how often its interval holds, and what
it finds. Beside it stands the naive test that compares before with after (exact, conditional
binomial), as it is and at an oracle's threshold that gives it the same false alarms.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from slo import AS_OF, compiled

from tests.python.compiled_models import Warehouse
from tests.python.payback_models import INPUTS, MODELS

NOW = np.datetime64(AS_OF)
DAY = np.timedelta64(1, "D")
BEFORE, LEAD, WASHOUT, AFTER = 90, 21, 14, 90
LENGTH = BEFORE + LEAD + WASHOUT + AFTER
EMPTY = (
    "delete from paydown_marts.fct_incidents",
    "delete from paydown_marts.dim_services",
    "delete from paydown_marts.fct_epics",
    "delete from paydown_marts.bridge_epic_postmortems",
    "delete from paydown_marts.bridge_postmortem_fix_classes",
)
EPICS = (
    "insert into paydown_marts.fct_epics select epic, epic, service, service, 'local', 'epic', "
    "null, null, 'done', null, false, opened, closed, null from epics",
    "insert into paydown_marts.bridge_epic_postmortems select epic, history from epics",
    "insert into paydown_marts.bridge_postmortem_fix_classes "
    "select distinct history, history from epics",
)


@dataclass(frozen=True)
class Case:
    """Histories of one kind: `mean` episodes a service in 90 days, gamma rates of shape `shape`,
    `moves`: with a common trend and seasons, `effect`: what an epic leaves of the rate."""

    services: int
    mean: float
    shape: float
    moves: bool
    effect: float


@dataclass(frozen=True)
class History:
    """Service and day of each episode, the services that get epics, and how many episodes were
    truly to be expected of them after."""

    where: np.ndarray
    when: np.ndarray
    epics: list[int]
    truth: list[float]


class Study:
    """A warehouse in memory that judges one history after the other."""

    def __init__(self, sql: dict[str, str]) -> None:
        self._here = Warehouse(sql)
        self.con = self._here.con
        for table, columns in INPUTS.items():
            self._here.fill(table, columns)

    def judge(self, services: int, histories: list[History]) -> list[list[tuple[Any, ...]]]:
        """What fct_epic_payback says of the epics of each history, in their order.

        The histories lie one after the other on the calendar, the last ends now; what happens in
        one is no part of any period of another.
        """
        con = self.con
        starts = [NOW - LENGTH * DAY * (len(histories) - n) for n in range(len(histories))]
        at = [
            start + (one.when * 86_400_000_000).astype("timedelta64[us]")
            for start, one in zip(starts, histories, strict=True)
        ]
        where = np.concatenate([one.where for one in histories])
        con.register("episodes", {"service": where, "triggered_at": np.concatenate(at)})
        for statement in EMPTY:
            con.execute(statement)
        con.execute(
            "insert into paydown_marts.fct_incidents select row_number() over (), 's' || service, "
            "false, false, 3, false, 3600, triggered_at from episodes"
        )
        con.execute(
            "insert into paydown_marts.dim_services "
            "select 's' || n, true from range(?) as all_services (n)",
            [services],
        )
        rows = [
            (f"h{n}", f"h{n} s{k}", f"s{k}", start + BEFORE * DAY, start + (BEFORE + LEAD) * DAY)
            for n, (start, one) in enumerate(zip(starts, histories, strict=True))
            for k in one.epics
        ]
        columns = zip(*rows, strict=True)
        names = ("history", "epic", "service", "opened", "closed")
        con.register("epics", dict(zip(names, map(np.array, columns), strict=True)))
        for statement in EPICS:
            con.execute(statement)
        self._here.run(*MODELS)
        found = con.execute(
            "select epic_id, verdict, before_count, after_count, expected_count, expected_low, "
            "expected_high from paydown_marts.fct_epic_payback"
        ).fetchall()
        by_epic = {row[0]: row[1:] for row in found}
        named = [[f"h{n} s{k}" for k in one.epics] for n, one in enumerate(histories)]
        return [[by_epic[epic] for epic in epics] for epics in named]

    def pooled(self) -> list[tuple[Any, ...]]:
        """Verdict, expected count and epics of each history, pooled as a kind of fix."""
        return self.con.execute(
            "select verdict, expected_count, epic_count "
            "from paydown_marts.rpt_payback_by_fix_class where fix_class != 'all'"
        ).fetchall()


def history(case: Case, dice: np.random.Generator) -> History:
    """A history of the case."""
    rates = dice.gamma(case.shape, case.mean / case.shape, case.services) / BEFORE
    # From two fifths less to a third more from begin to end, and seasons of as much as a quarter.
    drift = dice.uniform(-0.4, 0.3) if case.moves else 0.0
    swing, phase = (dice.uniform(0, 0.25), dice.uniform(0, 2 * math.pi)) if case.moves else (0, 0)

    def level(day: np.ndarray) -> np.ndarray:
        wave = swing * np.sin(2 * math.pi * day / 365 + phase)
        return (1 + drift * day / LENGTH) * (1 + wave)

    peak = (1 + max(drift, 0)) * (1 + swing)
    counts = dice.poisson(rates * LENGTH * peak)
    where = np.repeat(np.arange(case.services), counts)
    when = dice.uniform(0, LENGTH, counts.sum())
    kept = dice.uniform(0, peak, len(when)) < level(when)
    where, when = where[kept], when[kept]
    before = np.bincount(where[when < BEFORE], minlength=case.services)
    # Ties are broken by chance, as other factors of the score would.
    order = np.lexsort((dice.random(case.services), -before))
    epics = sorted(int(n) for n in order[: max(case.services // 10, 1)])
    treated = np.isin(where, epics) & (when >= BEFORE + LEAD)
    kept = ~treated | (dice.random(len(when)) < case.effect)
    days = np.linspace(LENGTH - AFTER, LENGTH, 1001)
    truth = rates * AFTER * level(days).mean()
    return History(where[kept], when[kept], epics, [float(truth[n]) for n in epics])


def naive(before: int, after: int) -> float:
    """p value of so few after, given both: they are as long, so it is a fair coin's."""
    return float(stats.binom.cdf(after, before + after, AFTER / (BEFORE + AFTER)))


def run(job: tuple[dict[str, str], Case, int, int]) -> dict[str, Any]:
    """What came of `treated` epics or more in histories of the case."""
    sql, case, treated, seed = job
    dice = np.random.default_rng([seed, case.services, int(10 * case.mean), int(10 * case.shape),
                                  case.moves, int(10 * case.effect)])  # fmt: skip
    study, rows, pools = Study(sql), [], []
    while len(rows) < treated:
        # Many small ones cost no more than one large.
        histories = [history(case, dice) for _ in range(max(2000 // case.services, 1))]
        for one, judged in zip(histories, study.judge(case.services, histories), strict=True):
            rows += [(*row, truth) for row, truth in zip(judged, one.truth, strict=True)]
        pools += study.pooled()
    return {"case": case, "rows": rows, "pools": pools}


def share(flags: list[bool]) -> float:
    """The share that is true."""
    return float(np.mean(flags))


def power_at(nothing: list[float], halved: list[float], false_alarms: float) -> float:
    """What the naive test finds at the threshold that gives it so many false alarms; between two
    possible thresholds by chance, as p values of counts come in steps."""
    null, found = np.array(nothing), np.array(halved)
    steps = np.unique(null)
    shares = np.array([0.0, *((null <= step).mean() for step in steps)])
    powers = np.array([0.0, *((found <= step).mean() for step in steps)])
    return float(np.interp(false_alarms, shares, powers))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--services", type=int, nargs="+", default=[30, 200, 2000])
    parser.add_argument("--means", type=float, nargs="+", default=[1, 3, 10])
    parser.add_argument("--shapes", type=float, nargs="+", default=[0.7, 2])
    parser.add_argument("--treated", type=int, default=1500, help="epics a row, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="paydown-payback-") as folder:
        sql = compiled(Path(folder), MODELS, single_use="view")
    jobs = [
        (sql, Case(services, mean, shape, moves, effect), options.treated, options.seed)
        for services in options.services
        for mean in options.means
        for shape in options.shapes
        for moves in (False, True)
        for effect in (1.0, 0.5)
    ]
    print(
        "| services | mean | shape | moves | epics | improved | worse | expected / truth | covers "
        "| naive: improved | halved: found | naive at as many false alarms |"
    )
    print("| --: | --: | --: | --- | --: | --: | --: | --: | --: | --: | --: | --: |")
    done: dict[Case, dict[str, Any]] = {}
    with Pool(options.processes) as pool:
        for result in pool.imap(run, jobs):
            case = result["case"]
            done[case] = result
            if case.effect == 1.0:
                continue
            base = done[Case(case.services, case.mean, case.shape, case.moves, 1.0)]["rows"]
            alarms = share([row[0] == "improved" for row in base])
            p_base = [naive(row[1], row[2]) for row in base]
            p_halved = [naive(row[1], row[2]) for row in result["rows"]]
            known = [row for row in base if row[3] is not None]
            print(
                f"| {case.services:,} | {case.mean:g} | {case.shape:g} | "
                f"{'yes' if case.moves else 'no'} | {len(base):,} | {alarms:.1%} | "
                f"{share([row[0] == 'worse' for row in base]):.1%} | "
                f"{sum(row[3] for row in known) / sum(row[6] for row in known):.3f} | "
                f"{share([row[4] <= row[2] <= row[5] for row in known]):.1%} | "
                f"{share([p <= 0.05 for p in p_base]):.1%} | "
                f"{share([row[0] == 'improved' for row in result['rows']]):.1%} | "
                f"{power_at(p_base, p_halved, alarms):.1%} |",
                flush=True,
            )
    print()
    print("| services | epics pooled | expected, mean | histories | effect | improved | worse |")
    print("| --: | --: | --: | --: | --- | --: | --: |")
    for case, result in done.items():
        pools = result["pools"]
        if not pools or case.services < 200 or case.shape != options.shapes[0]:
            continue
        called = {
            word: share([pool[0] == word for pool in pools]) for word in ("improved", "worse")
        }
        print(
            f"| {case.services:,} | {pools[0][2]} | "
            f"{sum(pool[1] for pool in pools) / sum(pool[2] for pool in pools):.1f} | "
            f"{len(pools)} | {'halved' if case.effect < 1 else 'none'}"
            f"{', moves' if case.moves else ''} | {called['improved']:.1%} | "
            f"{called['worse']:.1%} |"
        )
    print(f"\n{time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

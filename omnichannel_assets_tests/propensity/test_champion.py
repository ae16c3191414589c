"""Which version scores: the champion stays unless the challenger wins by more than noise wherever both can be judged."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from omnichannel_assets.propensity.champion import Origin, Verdict, Version, contest, settled, verdict
from omnichannel_assets.propensity.tasks import REPURCHASE
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import train
from omnichannel_assets_tests.propensity.example_rows import FEATURES, LAST, examples

OLD, NEW = date(2026, 3, 2), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("challenger", "champion", "in_force", "words"),
    [
        (Version(NEW), None, NEW, "champion: there was none before"),
        (Version(NEW, "Too few."), None, NEW, "none in force: Too few."),
        (Version(NEW, "Too few."), Version(OLD), OLD, "kept: the version of 2026-03-02 stays, because there is no challenger. Too few."),
        (Version(NEW), Version(OLD, "It reads inputs that are no more: x."), NEW, "champion: the version of 2026-03-02 cannot be used. It reads inputs that are no more: x."),
        (Version(NEW), Version(date(2025, 12, 1)), NEW, "champion: the version of 2025-12-01 is 182 days old, and 180 is the most"),
    ],
)
def test_what_needs_no_comparison(challenger, champion, in_force, words):
    assert settled(challenger, champion, 180) == Verdict(in_force, words)


def test_a_champion_of_no_age_always_makes_way():
    assert settled(Version(NEW), Version(OLD), 180) is None
    assert settled(Version(NEW), Version(OLD), 0).in_force == NEW


def test_without_a_later_cutoff_the_champion_stays():
    words = "kept: the version of 2026-03-02 stays; since then no cut-off has a closed horizon of 30 days to judge both on"
    assert verdict(NEW, OLD, [], 30) == Verdict(OLD, words)


def test_a_challenger_must_win_on_every_cutoff_by_more_than_noise():
    won, close, lost = Origin(date(2026, 4, 1), 0.02, 0.005), Origin(date(2026, 5, 1), 0.009, 0.005), Origin(date(2026, 5, 1), -0.01, 0.005)
    assert verdict(NEW, OLD, [won, won], 30) == Verdict(NEW, "champion: better than the version of 2026-03-02 on each of 2 later cut-offs, by 0.0200 or more of loss")
    for other, told in ((close, "2026-05-01: +0.0090 (noise 0.0098)"), (lost, "2026-05-01: -0.0100 (noise 0.0098)")):
        words = f"kept: the version of 2026-03-02 stays; the challenger did not win by more than noise on 1 of 2 later cut-offs: {told}"
        assert verdict(NEW, OLD, [won, other], 30) == Verdict(OLD, words)


def turned(table: pa.Table, since: date) -> pa.Table:
    """The world after a day is the other way round: who was likely to buy is not."""
    label = table.schema.get_field_index("repurchase")
    after = np.array([day >= since for day in table.column("cutoff").to_pylist()])
    return table.set_column(label, "repurchase", pa.array(np.array(table.column("repurchase").to_pylist()) ^ after))


def test_both_are_judged_only_on_cutoffs_the_champion_could_not_learn_from():
    table, since = examples(8), LAST - timedelta(days=60)
    champion = train(REPURCHASE, table, FEATURES, known_until=since)
    origins = contest(champion, since, table, FEATURES, Terms())
    assert [origin.day for origin in origins] == [since, since + timedelta(days=30), LAST]
    assert max(champion.cutoffs) + timedelta(days=30) <= since
    assert origins[0].gain == 0, "at its own training date the challenger is the champion"
    assert not any(origin.is_won for origin in origins), "in a world that does not change nobody wins by more than noise"


def test_a_challenger_wins_where_the_world_has_turned():
    since = LAST - timedelta(days=90)
    table = turned(examples(9), since)
    champion = train(REPURCHASE, table, FEATURES, known_until=since)
    won = {origin.day: origin.is_won for origin in contest(champion, since, table, FEATURES, Terms())}
    assert not won[since] and won[LAST]

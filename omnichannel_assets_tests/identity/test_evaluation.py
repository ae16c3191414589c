"""Judging a clustering: the measures by hand on five records, and against the obvious slow way on random ones."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.identity.evaluation import MixedCluster, evaluate, worst_clusters


def test_precision_and_recall_of_a_clustering_that_splits_one_person_and_mixes_two() -> None:
    """Ann has three records, Bob two; one of Ann's stands with Bob's."""
    found = evaluate(["1", "1", "2", "2", "2"], ["ann", "ann", "ann", "bob", "bob"])

    assert (found.records, found.people, found.clusters, found.mixed_clusters, found.split_people) == (5, 2, 2, 1, 1)
    assert (found.true_pairs, found.found_pairs, found.right_pairs) == (4, 4, 2)
    assert (found.pairwise.precision, found.pairwise.recall, found.pairwise.f1) == (0.5, 0.5, 0.5)
    # Ann, Ann: all of the cluster and two thirds of the person are right; stray Ann: a third and a third; Bob, Bob: two thirds and all.
    assert found.b_cubed.precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert found.b_cubed.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)


def test_records_that_all_stand_alone_make_no_wrong_pair_and_find_none() -> None:
    found = evaluate(["1", "2"], ["ann", "ann"])

    assert (found.pairwise.precision, found.pairwise.recall, found.pairwise.f1) == (1.0, 0.0, 0.0)
    assert (found.b_cubed.precision, found.b_cubed.recall) == (1.0, 0.5)


def test_no_records_are_judged_without_a_fault() -> None:
    found = evaluate([], [])

    assert (found.records, found.pairwise.f1, found.b_cubed.f1, worst_clusters([], [])) == (0, 1.0, 1.0, [])


def test_the_worst_cluster_is_the_one_with_the_most_wrong_pairs() -> None:
    found = worst_clusters(["1", "1", "2", "2", "2", "3"], ["ann", "bob", "ann", "bob", "cid", "cid"])

    assert found == [MixedCluster("2", 3, 3, 3), MixedCluster("1", 2, 2, 1)]


def test_two_lists_of_different_records_are_refused() -> None:
    with pytest.raises(ValueError, match="same records"):
        evaluate(["1"], ["ann", "bob"])


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("123456"), st.sampled_from("abcdef")), max_size=25))
def test_the_measures_equal_those_of_looking_at_every_pair_and_every_record(records: list[tuple[str, str]]) -> None:
    clusters, people = [c for c, _ in records], [p for _, p in records]
    found = evaluate(clusters, people)

    pairs = list(combinations(records, 2))
    together, same = [a[0] == b[0] for a, b in pairs], [a[1] == b[1] for a, b in pairs]
    right = sum(one and other for one, other in zip(together, same, strict=True))
    assert (found.found_pairs, found.true_pairs, found.right_pairs) == (sum(together), sum(same), right)

    def share(at: int) -> float:
        shares = [sum(r == other for other in records) / sum(r[at] == other[at] for other in records) for r in records]
        return sum(shares) / len(shares) if shares else 1.0

    assert found.b_cubed.precision == pytest.approx(share(0))
    assert found.b_cubed.recall == pytest.approx(share(1))
    wrong = sum(c.wrong_pairs for c in worst_clusters(clusters, people, count=99))
    assert wrong == sum(together) - right

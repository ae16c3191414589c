"""How well a clustering of records agrees with the truth about them: pairwise and B-cubed precision, recall and F1.

Here: pure functions of two labellings of the same records, and what to look at when they differ. Not here: making either labelling
(the graph, `labelled`). A cluster's label means nothing: two labellings are compared by which records they put together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """Precision: of what was put together, the share that belongs together. Recall: of what belongs together, the share that was put together.

    With nothing to judge a share is 1: who joins nobody makes no wrong merge.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 0 when both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class Evaluation:
    """One clustering against the truth.

    pairwise        over pairs of records: big clusters weigh much, a wrong merge of two big ones most
    b_cubed         over records: for each record the share of its cluster, or of its person, that is right; every record weighs the same
    true_pairs, found_pairs, right_pairs  pairs of the truth, of the clustering, and those in both
    mixed_clusters  clusters that hold several people; split_people  people spread over several clusters
    """

    records: int
    people: int
    clusters: int
    true_pairs: int
    found_pairs: int
    right_pairs: int
    mixed_clusters: int
    split_people: int
    pairwise: Score
    b_cubed: Score


@dataclass(frozen=True)
class MixedCluster:
    """A cluster that holds several people: its label, records, people, and how many wrong pairs it makes."""

    cluster: str
    records: int
    people: int
    wrong_pairs: int


def evaluate(clusters: Sequence[str], truth: Sequence[str]) -> Evaluation:
    """Compare the cluster of each record with its person; both sequences name the records in the same order.

    Raises ValueError if their lengths differ.
    """
    both, in_cluster, in_person = _sizes(clusters, truth)
    cluster_sizes, person_sizes = np.bincount(in_cluster, both), np.bincount(in_person, both)
    records = int(both.sum())
    found, true, right = (_pairs(sizes) for sizes in (cluster_sizes, person_sizes, both))
    return Evaluation(
        records=records,
        people=len(person_sizes),
        clusters=len(cluster_sizes),
        true_pairs=true,
        found_pairs=found,
        right_pairs=right,
        mixed_clusters=int((np.bincount(in_cluster) > 1).sum()),
        split_people=int((np.bincount(in_person) > 1).sum()),
        pairwise=Score(right / found if found else 1.0, right / true if true else 1.0),
        b_cubed=Score(_share(both, cluster_sizes[in_cluster], records), _share(both, person_sizes[in_person], records)),
    )


def worst_clusters(clusters: Sequence[str], truth: Sequence[str], count: int = 10) -> list[MixedCluster]:
    """The clusters that make the most wrong pairs, worst first, ties by label; only those that hold several people."""
    both, in_cluster, _ = _sizes(clusters, truth)
    labels = np.unique(np.asarray(clusters, object).astype(str)) if len(clusters) else np.zeros(0, str)
    sizes = np.bincount(in_cluster, both).astype(np.int64)
    people = np.bincount(in_cluster)
    right = np.bincount(in_cluster, both * (both - 1) // 2).astype(np.int64)
    wrong = sizes * (sizes - 1) // 2 - right
    worst = np.lexsort((np.arange(len(wrong)), -wrong))[:count]
    return [MixedCluster(str(labels[at]), int(sizes[at]), int(people[at]), int(wrong[at])) for at in worst if wrong[at]]


def _sizes(clusters: Sequence[str], truth: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per (cluster, person) that share records: how many they share, the cluster's number and the person's."""
    if len(clusters) != len(truth):
        raise ValueError(f"{len(clusters)} clusters and {len(truth)} people: both must name the same records")
    if not len(clusters):
        return (np.zeros(0, np.int64),) * 3
    _, cluster = np.unique(np.asarray(clusters, object).astype(str), return_inverse=True)
    people, person = np.unique(np.asarray(truth, object).astype(str), return_inverse=True)
    cells, shared = np.unique(cluster.astype(np.int64) * len(people) + person, return_counts=True)
    return shared, *np.divmod(cells, len(people))


def _pairs(sizes: np.ndarray) -> int:
    sizes = sizes.astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _share(both: np.ndarray, whole: np.ndarray, records: int) -> float:
    return float((both * (both / whole)).sum() / records) if records else 1.0

"""What becomes of a proposed pair: a link, a question for a person, or nothing. A person's word comes first, limits come last.

Here: pure rules over the rows of `identity_matches`. Not here: proposing (matching), storing (assets). A proposal is kept for ever, with the date
it was first made: the model that made it had learned from what was known then, so it may count from that date on and not before.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Reviews = Mapping[tuple[str, str], str]

ACCEPTED, TO_REVIEW, REJECTED, KEPT_APART, BLOCKED = "accepted", "to_review", "rejected", "kept_apart", "blocked"
STATES = (ACCEPTED, TO_REVIEW, REJECTED, KEPT_APART, BLOCKED)
"""accepted: a link. to_review: not probable enough, or in doubt. rejected: by a person. kept_apart: would join two records that a person keeps
apart. blocked: a link that the limits of identity do not let through."""
SOURCE = "match"


def with_new(stored: Sequence[Row], proposals: Iterable[Row], customer_of: Mapping[str, str], as_of: datetime.date) -> list[Row]:
    """The stored rows and the proposals that are new: between two customers, the most probable pair of the two, and never for a pair of
    customers that was asked about before. `customer_of` is the customer of each record by exact links alone.
    """
    groups = _Groups(customer_of)
    for row in stored:
        if row["linked_as_of"]:
            groups.join(row["left_ref"], row["right_ref"])
    told = {groups.pair(row["left_ref"], row["right_ref"]) for row in stored}
    rows = list(stored)
    for pair in sorted(proposals, key=lambda pair: (-pair["probability"], -pair["match_weight"], pair["left_ref"], pair["right_ref"])):
        if pair["left_ref"] not in customer_of or pair["right_ref"] not in customer_of:
            continue  # the reference is no identifier: nothing could be linked
        customers = groups.pair(pair["left_ref"], pair["right_ref"])
        if len(customers) == 2 and customers not in told:
            told.add(customers)
            rows.append(pair | {"proposed_as_of": as_of, "state": TO_REVIEW, "linked_as_of": None})
    return rows


def decided(rows: Iterable[Row], reviews: Reviews, customer_of: Mapping[str, str], threshold: float, as_of: datetime.date) -> list[Row]:
    """Every row with its state, and with the as-of date from which it is a link: the one it had, else `as_of`.

    A pair counts when a person accepted it, or when nobody said anything, nothing speaks against it and it is probable enough. What a person
    accepted comes first, then what counted before, then the most probable.
    """
    apart = [pair for pair, verdict in sorted(reviews.items()) if verdict == REJECTED]
    groups = _Groups(customer_of, apart)

    def standing(row: Row) -> tuple[Any, ...]:
        is_told = reviews.get((row["left_ref"], row["right_ref"])) == ACCEPTED
        return (not is_told, row["linked_as_of"] or datetime.date.max, -row["probability"], row["left_ref"], row["right_ref"])

    found = []
    for row in sorted(rows, key=standing):
        pair = (row["left_ref"], row["right_ref"])
        verdict = reviews.get(pair)
        if verdict == REJECTED:
            state = REJECTED
        elif verdict != ACCEPTED and (row["doubt"] or row["probability"] < threshold):
            state = TO_REVIEW
        else:
            state = ACCEPTED if groups.join(*pair) else KEPT_APART
        found.append(row | {"state": state, "linked_as_of": (row["linked_as_of"] or as_of) if state == ACCEPTED else None})
    return found


def with_blocked(rows: Iterable[Row], customer_of: Mapping[str, str]) -> list[Row]:
    """The rows with those links marked that the limits did not let through: their records have different customers all the same."""
    return [
        row | {"state": BLOCKED} if row["state"] == ACCEPTED and customer_of.get(row["left_ref"]) != customer_of.get(row["right_ref"]) else row
        for row in rows
    ]


def link_id(left_ref: str, right_ref: str) -> str:
    """`left|right`; a bar inside a reference is escaped, so that no two pairs have one name."""
    return "|".join(ref.replace("%", "%25").replace("|", "%7C") for ref in (left_ref, right_ref))


def link_rows(rows: Iterable[Row]) -> list[Row]:
    """The links of some rows as rows of `identifiers`. Known just before the midnight of the date from which they count, which is thus the first
    as-of date that sees them.
    """
    made = []
    for row in rows:
        if row["linked_as_of"]:
            midnight = datetime.datetime.combine(row["linked_as_of"], datetime.time(), datetime.UTC)
            known_at = midnight - datetime.timedelta(microseconds=1)
            link = {"source": SOURCE, "link_id": link_id(row["left_ref"], row["right_ref"]), "known_at": known_at, "identifier_type": "customer_ref"}
            made += [link | {"identifier_value": row[side]} for side in ("left_ref", "right_ref")]
    return made


class _Groups:
    """Disjoint sets of customers that links join, some pairs of which must stay apart."""

    def __init__(self, customer_of: Mapping[str, str], apart: Iterable[tuple[str, str]] = ()):
        self._customer_of = customer_of
        self._parent: dict[str, str] = {}
        self._apart: dict[str, set[str]] = {}
        for left, right in apart:
            one, other = self._find(left), self._find(right)
            if one != other:  # what exact identifiers join is not parted here
                self._apart.setdefault(one, set()).add(other)
                self._apart.setdefault(other, set()).add(one)

    def _find(self, ref: str) -> str:
        found = self._customer_of.get(ref, ref)
        while (above := self._parent.get(found, found)) != found:
            self._parent[found] = found = self._parent.get(above, above)
        return found

    def pair(self, left: str, right: str) -> frozenset[str]:
        """The two groups of two records; of one element when they are one group."""
        return frozenset((self._find(left), self._find(right)))

    def join(self, left: str, right: str) -> bool:
        """Join the groups of two records; False, and nothing done, when a person keeps the two apart."""
        one, other = sorted((self._find(left), self._find(right)))
        if one == other:
            return True
        if other in self._apart.get(one, ()):
            return False
        self._parent[other] = one
        for third in self._apart.pop(other, set()):
            self._apart[third].discard(other)
            self._apart[third].add(one)
            self._apart.setdefault(one, set()).add(third)
        return True

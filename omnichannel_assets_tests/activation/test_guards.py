"""When a delivery asks first."""

import pytest

from omnichannel_assets.activation.campaigns import Guards
from omnichannel_assets.activation.guards import question, stale

GUARDS = Guards(removals=0.5, growth=3, stale_days=7)


@pytest.mark.parametrize(
    ("held", "wanted", "removals", "asks"),
    [
        (100, 0, 100, "empty now"),
        (3, 0, 3, "empty now"),
        (100, 60, 51, "51 of 100 people would be removed, more than 50%"),
        (100, 60, 50, ""),
        (100, 301, 0, "grow from 100 to 301 people, more than 3 times"),
        (100, 300, 0, ""),
        (4, 40, 3, ""),
        (0, 0, 0, ""),
        (0, 5000, 0, ""),
    ],
)
def test_it_asks_when_much_would_change_at_once_and_not_before(held, wanted, removals, asks):
    found = question(GUARDS, held=held, wanted=wanted, removals=removals)
    assert asks in found
    assert bool(found) == bool(asks)


def test_it_asks_when_the_scores_are_old():
    assert stale(GUARDS, 7) == ""
    assert "8 days older" in stale(GUARDS, 8)

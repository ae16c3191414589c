"""How small a difference a trial can see: before it starts, from people, holdout and base rate; afterwards, from what was measured.

80 % power at 5 % two-sided: the true difference that is found clear of zero four times in five. With s the standard error of the difference it is
(1.96 + 0.84) s (Cohen 1988; Bloom 1995, "Minimum detectable effects"). The standard error is that of ``measures``, with unequal variances.
"""

from __future__ import annotations

from omnichannel_assets.trials.measures import NORMAL

POWER = 0.8
POWER_QUANTILE = 0.8416212335729143
"""The normal distribution's 80 % point."""
REACH = NORMAL + POWER_QUANTILE
CAP = 1_000_000
HALVINGS = 60


def detectable(people: int, holdout_share: float, base_rate: float) -> float | None:
    """The smallest lift of a share, in percentage points, that a campaign can be expected to show.

    ``people`` are those of the audience, ``holdout_share`` the share of them held out (0 to 1), ``base_rate`` the share (0 to 1) that would do it anyway.
    None where no lift can be shown: nobody, or everybody, is held out, or even 100 % in treatment would not do.
    """
    control = round(people * holdout_share)
    treated = people - control
    if control < 2 or treated < 2 or not 0 <= base_rate < 1:
        return None
    low, high = 0.0, 1 - base_rate
    if not _is_seen(high, base_rate, treated, control):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _is_seen(middle, base_rate, treated, control) else (middle, high)
    return 100 * high


def _is_seen(lift: float, base: float, treated: int, control: int) -> bool:
    """Whether a lift is at least 2.8 of its standard errors. Nobody in control still counts as half a person: nothing is certain of few."""
    floor = max(base, 0.5 / control)
    return lift >= REACH * ((base + lift) * (1 - base - lift) / treated + floor * (1 - floor) / control) ** 0.5


def detectable_words(people: int, holdout_share: float, base_rate: float) -> str:
    """``with 812 people and 10 % held out you can detect +4.1 points``, or that nothing can be detected and why."""
    start = f"with {people:,} people and {100 * holdout_share:.3g} % held out you"
    points = detectable(people, holdout_share, base_rate)
    if points is None:
        reason = "nobody is held out" if not holdout_share else "they are too few"
        return f"{start} cannot detect any lift: {reason}"
    return f"{start} can detect +{points:.1f} points" if points >= 0.1 else f"{start} can detect +{points:.2f} points"


def detectable_of(error: float) -> float:
    """The smallest true difference that a trial with this standard error is expected to show, in the outcome's own unit."""
    return REACH * error


def more_people(people: int, value: float, error: float) -> int | None:
    """How many people more, in the same shares, would be expected to show a true difference as large as the measured one.

    None where none are needed, or more than a million would be.
    """
    if value == 0 or error == 0:
        return None
    more = people * ((REACH * error / value) ** 2 - 1)
    return round(more) if 0 < more <= CAP else None

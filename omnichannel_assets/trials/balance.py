"""Whether the arms are as large as planned: a sample ratio mismatch (SRM) says that something took people out of one arm, and no figure holds.

The chi-square test of Fabijan et al. 2019 ("Diagnosing sample ratio mismatch in online controlled experiments"), alarming below p = 0.001.
"""

from __future__ import annotations

from collections.abc import Mapping

ALARM = 0.001


def srm(people: Mapping[str, int], shares: Mapping[str, float]) -> float | None:
    """The p value of the arms' sizes under the planned shares (any numbers above 0, by arm; they need not add up to 1).

    None where there is nothing to test: fewer than two arms with a share, or no people. People in an arm that was planned without any give 0.
    """
    planned = {arm: share for arm, share in shares.items() if share > 0}
    total, whole = sum(people.values()), sum(planned.values())
    if any(number and arm not in planned for arm, number in people.items()):
        return 0.0
    if len(planned) < 2 or not total:
        return None
    from scipy.stats import chisquare

    arms = sorted(planned)
    return float(chisquare([people.get(arm, 0) for arm in arms], [total * planned[arm] / whole for arm in arms]).pvalue)


def srm_words(p: float | None, shares: Mapping[str, float] | None) -> str:
    """The test in a sentence; ``shares`` None: nobody told what was planned, and equal sizes were assumed."""
    if p is None:
        return "Sizes of the arms: nothing to compare with."
    against = "the planned shares" if shares else "equal shares"
    if p >= ALARM:
        return f"Sizes of the arms: as by chance under {against} (SRM p = {p:.2f})."
    if shares:
        return f"Sizes of the arms: NOT those planned (SRM p = {p:.2g}). Something took people out of an arm: do not trust the differences before it is found."
    return f"Sizes of the arms: not equal (p = {p:.2g}). If equal ones were planned, do not trust the differences; else say what was planned with --shares."

"""Arms and sub-groups: the same for ever, independent between audiences, in the share asked for."""

from omnichannel_assets.activation.arms import arm_of, variant_of

KEY = b"key"
HALVES = {"voucher": 0.5, "letter": 0.5}


def customers(number: int) -> list[str]:
    return [f"c_{n:016x}" for n in range(number)]


def test_the_share_of_controls_is_the_one_asked_for():
    found = [arm_of(c, "win_back", KEY, 0.2) for c in customers(20_000)]
    assert 0.19 < found.count("control") / len(found) < 0.21


def test_without_a_holdout_everybody_is_treated():
    assert {arm_of(c, "win_back", KEY, 0.0) for c in customers(1000)} == {"treatment"}


def test_a_larger_share_only_adds_controls():
    small, large = ({c for c in customers(3000) if arm_of(c, "win_back", KEY, share) == "control"} for share in (0.1, 0.3))
    assert small < large


def test_audiences_draw_independently():
    both = [tuple(arm_of(c, audience, KEY, 0.5) for audience in ("win_back", "reactivation")) for c in customers(8000)]
    assert all(0.23 < both.count(pair) / len(both) < 0.27 for pair in set(both))


def test_another_key_gives_another_draw():
    assert [arm_of(c, "win_back", KEY, 0.5) for c in customers(200)] != [arm_of(c, "win_back", b"other", 0.5) for c in customers(200)]


def test_sub_groups_have_their_shares_and_say_nothing_of_the_arm():
    found = [(arm_of(c, "win_back", KEY, 0.5), variant_of(c, "win_back", KEY, HALVES)) for c in customers(8000)]
    assert all(0.23 < found.count(pair) / len(found) < 0.27 for pair in set(found))
    assert len(set(found)) == 4


def test_without_sub_groups_there_is_none_and_shares_of_thirds_leave_nobody_out():
    assert variant_of("c_1", "win_back", KEY, {}) is None
    thirds = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    assert {variant_of(c, "win_back", KEY, thirds) for c in customers(2000)} == {"a", "b", "c"}

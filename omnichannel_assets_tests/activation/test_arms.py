"""Arms: the same for ever, independent between audiences, in the share asked for."""

from omnichannel_assets.activation.arms import AUDIENCES, arm_of, arms

KEY = b"key"


def customers(number: int) -> list[str]:
    return [f"c_{n:016x}" for n in range(number)]


def test_a_customer_keeps_the_arm_whoever_else_is_asked_for():
    alone = {arm_of(c, "win_back", KEY, 0.1) for c in customers(1)}
    among = {row["arm"] for row in arms(customers(500), KEY, 0.1).to_pylist() if row["customer_id"] == customers(1)[0] and row["audience"] == "win_back"}
    assert alone == among


def test_the_share_of_controls_is_the_one_asked_for():
    found = [arm_of(c, "win_back", KEY, 0.2) for c in customers(20_000)]
    assert 0.19 < found.count("control") / len(found) < 0.21


def test_without_a_holdout_everybody_is_treated():
    assert {arm_of(c, "win_back", KEY, 0.0) for c in customers(1000)} == {"treatment"}


def test_a_larger_share_only_adds_controls():
    small, large = ({c for c in customers(3000) if arm_of(c, "win_back", KEY, share) == "control"} for share in (0.1, 0.3))
    assert small < large


def test_audiences_draw_independently():
    both = [tuple(arm_of(c, audience, KEY, 0.5) for audience in AUDIENCES) for c in customers(8000)]
    assert all(0.23 < both.count(pair) / len(both) < 0.27 for pair in set(both))


def test_another_key_gives_another_draw():
    assert [arm_of(c, "win_back", KEY, 0.5) for c in customers(200)] != [arm_of(c, "win_back", b"other", 0.5) for c in customers(200)]

"""The picture of a customer: every identifier in it, no box over another, the same bytes each time, for two identifiers and for many."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnichannel_assets.errors import InputError
from omnichannel_assets.portrait.drawing import drawn, picture_format
from omnichannel_assets.portrait.ties import Apart, Identifier, Portrait, Tie
from omnichannel_assets.portrait.tree import Box, place, shortened, tree_of
from omnichannel_assets_tests.identity.link_rows import at, day

KNOWN = at("2024-03-01 10:00")


def tie(*parts: str, source: str = "segment", links: int = 2, is_weak: bool = False) -> Tie:
    return Tie(source, f"m-{'-'.join(parts)}", KNOWN, parts, links, parts, is_weak)


def person(*ties: Tie, others: tuple[Tie, ...] = (), apart: tuple[Apart, ...] = (), more_apart: int = 0, alone: tuple[str, ...] = ()) -> Portrait:
    names = dict.fromkeys([*(name for one in ties for name in one.parts), *alone])
    identifiers = tuple(Identifier(*name.split(":", 1), KNOWN) for name in names)
    return Portrait("c_0123456789abcdef", day("2024-07-01"), identifiers, ties, others, apart, more_apart)


def seen(value: str, seen_with: str) -> Apart:
    return Apart("user_id", value, seen_with, 2, KNOWN, "segment:k", "c_00000000000000aa", "belongs to c_00000000000000aa: limit of 1 user_id ever keeps them apart")


def boxes(found: Portrait) -> list[Box]:
    roots = tree_of(found)
    place(roots, lambda box: max(map(len, box.lines)) * 0.07)
    return [box for root in roots for box in root.all()]


def outline(box: Box, depth: int = 0) -> list[str]:
    return [f"{'  ' * depth}{box.what} {box.lines[1] if box.what == 'identifier' else box.lines[0]}", *(line for child in box.children for line in outline(child, depth + 1))]


TWO = person(tie("user_id:u", "email:e"))
SEVERAL = person(
    tie("email:e", "customer_ref:r", "phone:p", source="dms"),
    tie("user_id:u", "email:e"),
    tie("user_id:u", "anonymous_id:a"),
    tie("phone:p", "customer_ref:r2", source="dms", links=1, is_weak=True),
    tie("customer_ref:r2", "customer_ref:r3", source="match"),
    others=(Tie("segment", "m", KNOWN, ("anonymous_id:a", "email:e"), 3),),
    apart=(seen("ben", "anonymous_id:a"), seen("eve", "anonymous_id:a")),
)
MANY = person(*(tie("user_id:u", f"anonymous_id:a-{n:03}") for n in range(90)), tie("user_id:u", "email:e"))
CHAIN = person(*(tie(f"anonymous_id:a-{n:02}", f"anonymous_id:a-{n + 1:02}") for n in range(30)))
CROWD = person(tie("user_id:u", "anonymous_id:kiosk"), apart=tuple(seen(f"u-{n}", "anonymous_id:kiosk") for n in range(20)), more_apart=400)
ALONE = person(alone=("email:e",))
every_person = pytest.mark.parametrize("found", [TWO, SEVERAL, MANY, CHAIN, CROWD, ALONE], ids=["two", "several", "many", "chain", "crowd", "alone"])


def test_links_stand_between_the_identifiers_they_joined_and_the_root_in_the_middle() -> None:
    (root,) = tree_of(SEVERAL)
    assert outline(root) == [
        "identifier e",
        "  link shop database, 2024-03-01",
        "    identifier r",
        "    identifier p",
        "      link shop database, 2024-03-01",
        "        identifier r2",
        "          link proposed match, 2024-03-01",
        "            identifier r3",
        "  link Segment, 2024-03-01",
        "    identifier u",
        "      link Segment, 2024-03-01",
        "        identifier a",
        "          apart not joined: user_id",
        "          apart not joined: user_id",
    ]


def test_a_link_says_how_often_its_parts_were_seen_together_or_that_it_is_weak() -> None:
    told = {box.lines[1]: box.lines[2] for box in boxes(SEVERAL) if box.what == "link"}
    assert told["m-user_id:u-anonymous_id:a"] == "seen together in 2 links"
    assert told["m-phone:p-customer_ref:r2"] == "seen once: a weak link"


def test_of_ninety_devices_of_one_login_a_few_are_shown_and_the_others_counted() -> None:
    shown = boxes(MANY)
    assert [box.lines[0] for box in shown if box.what == "more"] == ["+ 87 of type anonymous_id"]
    assert sorted(box.lines[1] for box in shown if box.what == "identifier") == ["a-000", "a-001", "a-002", "e", "u"]
    assert len({name for box in shown if box.what != "link" for name in box.names}) == 92


def test_a_crowd_that_stays_apart_is_a_few_and_a_number() -> None:
    assert [box.lines[0] for box in boxes(CROWD) if box.what == "apart"] == ["not joined: user_id"] * 6 + ["+ 414 more, not joined"]


@every_person
def test_no_box_lies_over_another(found: Portrait) -> None:
    placed = boxes(found)
    for number, one in enumerate(placed):
        for other in placed[number + 1 :]:
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            above = abs(one.y - other.y) >= (one.height + other.height) / 2 - 1e-9
            assert beside or above, (one.lines, other.lines)


@pytest.mark.parametrize("found", [TWO, SEVERAL, CROWD, ALONE], ids=["two", "several", "crowd", "alone"])
def test_the_same_portrait_gives_the_same_bytes(found: Portrait) -> None:
    assert drawn(found, "svg") == drawn(found, "svg")


def test_a_picture_is_png_or_svg_and_nothing_else(tmp_path: Path) -> None:
    assert drawn(TWO, "png").startswith(b"\x89PNG")
    assert b"<svg" in drawn(TWO, "svg")
    assert (picture_format(tmp_path / "a.SVG"), picture_format(tmp_path / "a.png")) == ("svg", "png")
    with pytest.raises(InputError, match=r"--picture: expected a file name that ends in \.svg or \.png, got 'a\.pdf'"):
        picture_format(tmp_path / "a.pdf")


def test_hostile_values_are_drawn_as_text() -> None:
    strange = "$\\frac{1}{2}$ \x00<script>\n" + "漢" * 5
    assert drawn(person(tie("user_id:u", f"email:{strange}")), "svg")


def test_a_long_value_keeps_both_ends() -> None:
    assert shortened("a" * 20 + "b" * 40, 11) == "aaaaa…bbbbb"
    assert shortened(" one\n two ", 11) == "one two"

"""Why one customer is one person: joining links, weak ones, and what was seen with it and stays apart, over a lake of a few links."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa

from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.portrait.ties import Portrait, portrait
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.identity.link_rows import links_table
from omnichannel_assets_tests.identity.small_lake import customer_of, lake_of

ANNA = [
    ("m-1", "2024-03-01 10:00", {"user_id": "anna", "anonymous_id": "phone-1"}),
    ("m-2", "2024-03-02 10:00", {"user_id": "anna", "anonymous_id": "phone-1"}),
    ("m-3", "2024-03-03 10:00", {"user_id": "anna", "anonymous_id": "phone-1", "email": "anna@x"}),
    ("m-4", "2024-03-04 10:00", {"email": "anna@x"}),
]
KIOSK = [
    ("k-1", "2024-04-01 10:00", {"user_id": "anna", "anonymous_id": "kiosk"}),
    ("k-2", "2024-04-02 10:00", {"user_id": "ben", "anonymous_id": "kiosk"}),
    ("k-3", "2024-04-03 10:00", {"user_id": "ben", "anonymous_id": "kiosk"}),
]


def portrait_of(opened: Workspace, value: str) -> Portrait:
    with public_engine(opened.lake, opened.tables) as engine:
        return portrait(opened, engine, customer_of(opened, value))


def test_joining_links_are_those_that_tied_what_was_apart_and_the_rest_says_the_same(tmp_path: Path) -> None:
    found = portrait_of(lake_of(tmp_path, links_table(ANNA)), "anna@x")
    assert [one.name for one in found.identifiers] == ["user_id:anna", "email:anna@x", "anonymous_id:phone-1"]
    assert [(tie.link, tie.links, tie.parts, tie.is_weak) for tie in found.joining] == [
        ("segment:m-1", 2, ("user_id:anna", "anonymous_id:phone-1"), False),
        ("segment:m-3", 1, ("user_id:anna", "email:anna@x"), True),
    ]
    assert found.others == found.apart == ()


def test_links_known_on_the_as_of_date_or_later_are_not_seen(tmp_path: Path) -> None:
    late = [("m-9", "2024-07-01 00:00", {"user_id": "anna", "email": "late@x"})]
    found = portrait_of(lake_of(tmp_path, links_table([*ANNA, *late])), "anna")
    assert "email:late@x" not in {one.name for one in found.identifiers}
    assert found.apart == ()


def test_what_a_limit_kept_apart_names_its_customer_and_the_limit(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table([*ANNA, *KIOSK]))
    ben, anna = customer_of(opened, "ben"), customer_of(opened, "anna")
    (seen,) = portrait_of(opened, "anna").apart
    assert (seen.kind, seen.value, seen.seen_with, seen.links, seen.first_link, seen.customer_id) == ("user_id", "ben", "anonymous_id:kiosk", 2, "segment:k-2", ben)
    assert seen.why == f"belongs to {ben}: limit of 1 user_id ever keeps them apart"
    (other_way,) = portrait_of(opened, "ben").apart
    assert (other_way.value, other_way.customer_id) == ("kiosk", anna)


def test_a_shared_identifier_belongs_to_nobody_and_says_since_when(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table([*ANNA, *KIOSK]), shared=[("anonymous_id", "kiosk", date(2024, 5, 1))])
    for name in ("anna", "ben"):
        (seen,) = portrait_of(opened, name).apart
        assert (seen.value, seen.customer_id, seen.why) == ("kiosk", None, "shared since 2024-05-01: belongs to nobody")


def test_of_a_kiosk_used_by_hundreds_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    crowd = [(f"c-{n:03}", f"2024-05-01 10:{n % 60:02}", {"user_id": f"person-{n:03}", "anonymous_id": "kiosk"}) for n in range(60)]
    found = portrait_of(lake_of(tmp_path, links_table([*ANNA, *KIOSK, *crowd])), "anna")
    assert (len(found.apart), found.more_apart) == (20, 41)
    assert found.apart[0].value == "ben"
    assert all(one.why.startswith(f"belongs to {one.customer_id}") for one in found.apart)


def test_proposed_matches_keep_their_source(tmp_path: Path) -> None:
    matched = links_table([("r1|r2", "2024-05-01 10:00", {"customer_ref": ["R1", "R2"]})], source="match")
    shop = links_table([("customers/R1/1", "2024-01-01 10:00", {"customer_ref": "R1"}), ("customers/R2/1", "2024-01-02 10:00", {"customer_ref": "R2"})], source="dms")
    (tie,) = portrait_of(lake_of(tmp_path, pa.concat_tables([matched, shop])), "R2").joining
    assert (tie.source, tie.parts, tie.is_weak) == ("match", ("customer_ref:R1", "customer_ref:R2"), True)

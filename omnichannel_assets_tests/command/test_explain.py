"""``omnichannel explain``: one customer, whatever they are asked for by, and why we think it is one person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omnichannel_assets_tests.command.asking import ask, rows
from omnichannel_assets_tests.command.conftest import Shop

AS_OF = "2026-07-01"
UNKNOWN = "error: explain: expected a customer_id, e-mail, phone, login, customer number or device id of the lake, got an identifier nobody has. Fix: check the spelling."


@pytest.fixture
def merged(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A customer with e-mail and British phone into whom another one was merged."""
    found = rows(
        shop,
        monkeypatch,
        "select c.customer_id, c.email, c.phone, c.customer_ref, m.from_customer_id, m.cause from customers as c join identity_changes as m on m.to_customer_id = c.customer_id "
        "where m.change = 'merge' and c.email is not null and c.phone like '+44%' and c.orders > 0 order by c.customer_id limit 1",
    )
    return found[0]


def asked(shop: Shop, monkeypatch: pytest.MonkeyPatch, identifier: str) -> dict[str, Any]:
    said = ask(shop, monkeypatch, "explain", identifier, "--format", "json")
    assert said.code == 0, said
    return json.loads(said.out)


def test_a_customer_is_found_by_id_by_an_id_merged_away_and_by_every_identifier(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    home = merged["customer_id"]
    notes = {
        home: "found as customer_id",
        merged["from_customer_id"]: f"merged: {merged['from_customer_id']} -> {home}",
        f"  {merged['email'].title()} ": "found as email",
        merged["phone"]: "found as phone",
        merged["phone"].replace("+44", "0"): "found as phone",
        f"+44 (0) {merged['phone'][3:7]}-{merged['phone'][7:]}": "found as phone",
        merged["customer_ref"]: "found as customer_ref",
    }
    found = {identifier: asked(shop, monkeypatch, identifier) for identifier in notes}
    assert {answer["customer"]["customer_id"] for answer in found.values()} == {home}
    assert {identifier: answer["note"] for identifier, answer in found.items()} == notes


def test_the_explanation_holds_the_links_and_the_merge_with_its_cause(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    answer = asked(shop, monkeypatch, merged["customer_id"])
    assert merged["cause"] in {change["cause"] for change in answer["history"] if change["change"] == "merge"}
    assert merged["cause"] in {link["link"] for link in answer["joined_by"]}
    joined = {identifier for link in answer["joined_by"] for identifier in link["identifiers"]}
    assert {f"{i['identifier_type']}:{i['identifier_value']}" for i in answer["identifiers"]} <= joined


def test_each_field_of_the_profile_names_its_source(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    customer = asked(shop, monkeypatch, merged["customer_id"])["customer"]
    assert customer["email_source"].split(":")[0] in ("dms", "segment")
    assert {name for name in ("email", "phone", "name") if not customer[f"{name}_source"]} == set()


def test_every_field_and_choice_is_that_of_the_customer_and_says_who_told_it_when_and_why(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    answer = asked(shop, monkeypatch, merged["customer_id"])
    customer, fields = answer["customer"], answer["fields"]
    names = ("user_id", "customer_ref", "email", "phone", "first_name", "last_name", "street", "city", "postcode", "country", "birth_date")
    assert {row["field"]: row["value"] for row in fields} == {name: customer[name] for name in names if customer[name] is not None}
    assert all(row["source"] and row["told_at"] and row["reason"] for row in fields)
    in_force = [(row["opted_in"], row["source"]) for row in answer["consents"] if row["channel"] == "email" and row["is_current"]]
    assert in_force == ([(customer["email_opt_in"], customer["email_opt_in_source"])] if customer["email_opt_in_source"] else [])


def test_the_text_shows_what_is_made_of_the_person_and_why_it_is_one_person(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    said = ask(shop, monkeypatch, "explain", merged["customer_id"])
    first, *_ = said.out.splitlines()
    assert first.startswith(merged["customer_id"])
    shown = [line for line in said.out.splitlines() if line and not line.startswith(" ")][1:]
    always = [
        "Fields: who told them, when, and why that value",
        "Recommended, the first 10",
        "Identifiers, and when each was first known",
        "Links that joined them",
        "How the customer came to be (as-of date, change, cause)",
        "Orders, the newest 10",
        "Behaviour",
        "Interactions, the newest 10",
    ]
    assert [line for line in shown if line in always] == always
    sometimes = {f"Scores as of {AS_OF}", f"Features as of {AS_OF}", "Audiences and arm", "What was sent, the newest first"}
    sometimes |= {"Choices about being contacted, the newest of each channel first", "Computed by Segment (to look at only)"}
    sometimes |= {"Seen with them and not joined, the first 20"}
    assert {line for line in shown if line not in always} <= sometimes
    assert said.err == ""


def test_a_scored_person_is_shown_with_scores_reasons_arm_and_what_was_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (chosen,) = rows(
        shop,
        monkeypatch,
        "select s.customer_id, s.churn_score, s.churn_reasons from propensity_scores as s join delivery_ledger as l on l.customer_id = s.customer_id and l.stream = 'scores' "
        "order by s.churn_reasons is null, s.customer_id limit 1",
    )
    found = asked(shop, monkeypatch, chosen["customer_id"])
    assert [row["churn_score"] for row in found["scores"]] == [chosen["churn_score"]]
    assert found["features"] and found["recommendations"]
    assert {"segment"} <= {row["channel"] for row in found["sent"]}
    text = ask(shop, monkeypatch, "explain", chosen["customer_id"]).out
    assert f"Scores as of {AS_OF}" in text and "segment  scores" in text


def test_a_shared_identifier_is_told_to_be_nobodys_by_those_it_was_seen_with_and_when_asked_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up shop has a kiosk."""
    (kiosk, *_) = rows(shop, monkeypatch, "select identifier_value, shared_from from shared_identifiers order by 1")
    (person, *_) = rows(
        shop,
        monkeypatch,
        "select i.customer_id from identifiers as k join identifiers as l on l.source = k.source and l.link_id = k.link_id join identities as i "
        f"on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value where k.identifier_value = '{kiosk['identifier_value']}' order by 1",
    )
    seen = {row["value"]: row["why"] for row in asked(shop, monkeypatch, person["customer_id"])["apart"]}
    assert seen[kiosk["identifier_value"]] == f"shared since {kiosk['shared_from']}: belongs to nobody"
    assert "Seen with them and not joined, the first 20" in ask(shop, monkeypatch, "explain", person["customer_id"]).out
    line = ask(shop, monkeypatch, "explain", kiosk["identifier_value"]).line
    assert line.startswith(f"error: explain: expected an identifier of one customer, got one that several people share: it belongs to nobody since {kiosk['shared_from']}.")


def test_a_merge_is_told_from_both_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any]) -> None:
    history = asked(shop, monkeypatch, merged["customer_id"])["history"]
    assert f"merge {merged['from_customer_id']}" in {row["words"] for row in history}
    assert {row["words"] for row in history if row["change"] == "new"} == {"new"}


@pytest.mark.parametrize(("name", "start"), [("one.png", b"\x89PNG"), ("one.svg", b"<?xml")])
def test_a_customer_is_drawn_into_a_file(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any], tmp_path: Path, name: str, start: bytes) -> None:
    said = ask(shop, monkeypatch, "explain", merged["email"], "--picture", str(tmp_path / "new" / name))
    assert (said.code, said.out, said.err) == (0, f"Picture: {tmp_path / 'new' / name}\n", "")
    assert (tmp_path / "new" / name).read_bytes().startswith(start)


def test_a_picture_of_another_kind_is_refused_in_one_line(shop: Shop, monkeypatch: pytest.MonkeyPatch, merged: dict[str, Any], tmp_path: Path) -> None:
    line = ask(shop, monkeypatch, "explain", merged["email"], "--picture", str(tmp_path / "one.pdf")).line
    assert line == "error: --picture: expected a file name that ends in .svg or .png, got 'one.pdf'. Fix: write customer.svg, for example."
    assert list(tmp_path.iterdir()) == []


def test_a_visitor_is_shown_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (visitor,) = rows(shop, monkeypatch, "select customer_id from customers where not is_known order by 1 limit 1")
    said = ask(shop, monkeypatch, "explain", visitor["customer_id"])
    assert said.out.startswith(f"{visitor['customer_id']}  a visitor  ")
    assert "not known: never asked" in said.out


@pytest.mark.parametrize("identifier", ["nobody@example.com", "+447000000000", "x' or 1=1 --", "c_0000", ""])
def test_an_unknown_identifier_is_one_line_that_does_not_repeat_it(shop: Shop, monkeypatch: pytest.MonkeyPatch, identifier: str) -> None:
    assert ask(shop, monkeypatch, "explain", identifier).line == UNKNOWN


def test_a_customer_id_of_another_lake_is_told_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ask(shop, monkeypatch, "explain", "c_0123456789abcdef").line
    assert line == "error: explain: expected a customer_id of this lake, got a customer_id the lake does not know. Fix: check that it comes from this lake and key."

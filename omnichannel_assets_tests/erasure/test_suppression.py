"""Who is recognised by the list: identifiers however they are spelled, mentions wherever they stand, and nobody else."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnichannel_assets.erasure.hashing import Hasher
from omnichannel_assets.erasure.search import Needles
from omnichannel_assets.erasure.subject import Subject, is_distinctive
from omnichannel_assets.erasure.suppression import ERASED, Suppression
from omnichannel_assets.identity.rules import DEFAULT_RULES

ADA = Subject(
    "e_1",
    "2025-03-01T00:00:00+00:00",
    (("user_id", "ada"), ("user_id", "u-ada-0001"), ("email", "ada@example.com"), ("phone", "+447700900123"), ("customer_ref", "C-100001")),
    spellings=(("phone", "07700 900123"), ("email", "Ada@Example.com")),
    customer_ids=("c_0123456789abcdef",),
    orders=("O-500001",),
    regions=("GB",),
)


def listed(subject: Subject = ADA, key: bytes = b"key") -> Suppression:
    hasher, hashes = Hasher(key), defaultdict(set)
    for kind, value in subject.hashes(hasher):
        hashes[kind].add(value)
    return Suppression(hasher, hashes, DEFAULT_RULES, subject.regions)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to ADA@example.com.", f"write to {ERASED}."),
        ("mailto:ada@example.com?subject=hi", f"mailto:{ERASED}?subject=hi"),
        ("https://shop.example/x?to=ada%40example.com&y=1", f"https://shop.example/x?to={ERASED}&y=1"),
        ("call 07700 900123 or (07700) 900-123 or +44 7700 900123", f"call {ERASED} or {ERASED} or {ERASED}"),
        ("order for C-100001, urgent", f"order for {ERASED}, urgent"),
        ("C-100001-A", f"{ERASED}-A"),
        ("joada@example.com and ada@example.com.au", "joada@example.com and ada@example.com.au"),
        ("ada likes soap", "ada likes soap"),
        ("C-1000012", "C-1000012"),
        ("", ""),
    ],
)
def test_a_text_loses_what_mentions_the_person_and_nothing_else(text: str, left: str) -> None:
    assert listed().redacted(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"to":"Ada@Example.com","n":1}', f'{{"to":"{ERASED}","n":1}}'),
        (r'{"to":"ada\u0040example.com"}', f'{{"to":"{ERASED}"}}'),
        ('{"ada@example.com":true}', f'{{"{ERASED}":true}}'),
        ('{"phone":447700900123,"total":447700900124}', f'{{"phone":"{ERASED}","total":447700900124}}'),
        ('{"to":"bob@example.com", "a": "\\"quoted\\""}', '{"to":"bob@example.com", "a": "\\"quoted\\""}'),
        ("no json, ada@example.com stays for clean text", "no json, ada@example.com stays for clean text"),
    ],
)
def test_json_keeps_every_byte_but_the_mention(text: str, left: str) -> None:
    assert listed().redacted_json(text) == left


@pytest.mark.parametrize(
    ("raw", "is_erased"),
    [
        (("email", " ADA@EXAMPLE.COM ", None), True),
        (("phone", "07700 900123", "GB"), True),
        (("phone", "07700 900123", None), True),  # as some row spells it
        (("user_id", "ada", None), True),  # an ordinary word, where a login stands
        (("anonymous_id", "ada", None), False),
        (("user_id", "ada@example.com", None), True),  # an address as a login
        (("user_id", "u-ada-0002", None), False),
        (("email", None, None), False),
    ],
)
def test_an_identifier_is_recognised_as_identity_would_read_it(raw: tuple[str, str | None, str | None], is_erased: bool) -> None:
    assert listed().verdicts([raw])[raw][0] is is_erased


@pytest.mark.parametrize("payload", ['{"userId":"ada","x":1', "I,C-100001,broken", "{'email': 'ada@example.com'", "07700 900123"])
def test_a_row_that_could_not_be_read_is_recognised(payload: str) -> None:
    assert listed().mentions(payload)


def test_another_key_recognises_nobody_and_no_clear_value_is_in_a_hash() -> None:
    hashes = [value for _, value in ADA.hashes(Hasher(b"key"))]
    assert not set(hashes) & {value for _, value in ADA.hashes(Hasher(b"other"))}
    assert {len(value) for value in hashes} == {32}


@settings(derandomize=True, database=None, max_examples=200)
@given(st.text(max_size=30), st.sampled_from(["Ada@Example.com", "C-100001", "u-ada-0001", "+447700900123", "07700 900123"]), st.text(max_size=30))
@example("x@", "Ada@Example.com", "")
@example("1", "C-100001", "_")
@example("%", "u-ada-0001", "%41")
@example("12", "07700 900123", "0")
def test_whatever_the_search_would_find_the_list_recognises(before: str, value: str, after: str) -> None:
    """Between spaces always; elsewhere wherever the search, which knows the clear values, sees the person."""
    needles, text = Needles(ADA), f"{before} {value} {after}"
    assert needles.are_in(text)
    assert not needles.are_in(listed().redacted(text))


@settings(derandomize=True, database=None, max_examples=200)
@given(st.text(max_size=60))
def test_a_text_that_mentions_nobody_stays_as_it_is(text: str) -> None:
    if not Needles(ADA).may_be_in(text):
        assert listed().redacted(text) == text
        assert listed().redacted_json(text) == text


@pytest.mark.parametrize(("text", "verdict"), [("summer", False), ("12345678", False), ("123456789", True), ("a1b2c3", True), ("a@b", True), ("x" * 16, True), ("", False)])
def test_what_is_distinctive_enough_to_be_looked_for_anywhere(text: str, verdict: bool) -> None:
    assert is_distinctive(text) is verdict

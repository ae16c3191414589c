"""identifiers: links, one row per link and identifier, normalised; blocked and unreadable values make none."""

from omnichannel_assets_tests.models.rows import built, moment


def raw(link_id: str, identifier_type: str, value: str | None, country: str | None = None, source: str = "segment") -> dict:
    return {"source": source, "link_id": link_id, "known_at": moment("11-10 00:00"), "identifier_type": identifier_type, "raw_value": value, "country": country}


def normal(identifier_type: str, raw_value: str, value: str | None, country: str | None = None, is_blocked: bool = False) -> dict:
    return {"identifier_type": identifier_type, "raw_value": raw_value, "country": country, "identifier_value": value, "is_blocked": is_blocked}


def links(raws: list[dict], normals: list[dict]) -> list[tuple]:
    rows = built("identifiers", raw_links=raws, normal_identifiers=normals)
    return [(row["source"], row["link_id"], row["identifier_type"], row["identifier_value"]) for row in rows]


def test_no_rows_make_no_links():
    assert links([], [normal("email", "a", "a")]) == []


def test_spellings_that_mean_the_same_are_one_identifier_of_a_link():
    assert links([raw("m-1", "email", "A@x"), raw("m-1", "email", "a@x "), raw("m-2", "email", "A@x")], [normal("email", "A@x", "a@x"), normal("email", "a@x ", "a@x")]) == [
        ("segment", "m-1", "email", "a@x"), ("segment", "m-2", "email", "a@x"),
    ]  # fmt: skip


def test_blocked_unreadable_and_missing_values_make_no_link():
    normals = [normal("user_id", "0", "0", is_blocked=True), normal("phone", "x", None), normal("user_id", "u", "u")]
    assert links([raw("m-1", "user_id", "0"), raw("m-2", "phone", "x"), raw("m-3", "user_id", None), raw("m-4", "user_id", "u")], normals) == [("segment", "m-4", "user_id", "u")]


def test_a_phone_is_read_in_its_rows_country():
    normals = [normal("phone", "030 1", "+49301", "DE"), normal("phone", "030 1", "+44301", "GB"), normal("phone", "030 1", None)]
    assert links([raw("m-1", "phone", "030 1", "DE"), raw("m-2", "phone", "030 1", "GB"), raw("m-3", "phone", "030 1")], normals) == [
        ("segment", "m-1", "phone", "+49301"), ("segment", "m-2", "phone", "+44301"),
    ]  # fmt: skip


def test_the_same_id_of_a_link_in_both_sources_is_two_links():
    normals = [normal("user_id", "u", "u")]
    assert links([raw("1", "user_id", "u"), raw("1", "user_id", "u", source="dms")], normals) == [("dms", "1", "user_id", "u"), ("segment", "1", "user_id", "u")]

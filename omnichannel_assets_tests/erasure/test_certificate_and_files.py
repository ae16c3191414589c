"""Outbound files lose the person's records and nothing else; the certificate says what is left to do."""

from __future__ import annotations

from omnichannel_assets.erasure.certificate import Certificate
from omnichannel_assets.erasure.files import without_person
from omnichannel_assets.erasure.search import Needles
from omnichannel_assets_tests.erasure.test_suppression import ADA


def test_a_csv_loses_the_persons_records_also_where_one_spans_lines() -> None:
    data = b'ID,NAME\r\nc_1,"Bob"\r\nc_0123456789abcdef,"two\r\nlines"\r\nc_2,"say \\" and go"\r\n'
    assert without_person(data, Needles(ADA)) == (b'ID,NAME\r\nc_1,"Bob"\r\nc_2,"say \\" and go"\r\n', 1)


def test_json_lines_lose_lines_and_a_file_without_the_person_is_the_same_bytes() -> None:
    needles = Needles(ADA)
    assert without_person(b'{"userId":"u-ada-0001"}\n{"userId":"u-bob"}\n', needles) == (b'{"userId":"u-bob"}\n', 1)
    data = b"\xff\x00 not text\n"
    assert without_person(data, needles) == (data, 0)


def test_a_certificate_names_channels_that_wait_and_requests_for_a_person_to_run() -> None:
    channels = {"segment": {"done": 1, "pending": 2}, "connect": {"done": 1}}
    certificate = Certificate("e_1", "2025-03-01", {"email": 1}, {"customers": 1}, {}, {}, channels, {}, ("tables",), ("outbox/connect/deletions/x.json",))
    text = "\n".join(certificate.lines())
    assert certificate.waiting == ["segment"]
    assert "Still waiting: segment." in text
    assert "| segment | 1 done, 2 pending |" in text
    assert "`outbox/connect/deletions/x.json`" in text
    assert "No object of the landing zone names the person." in text

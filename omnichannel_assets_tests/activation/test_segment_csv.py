"""The files for Segment's S3 source: a prefix it reads, ids that hold anything, no empty cell."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pyarrow as pa

from omnichannel_assets.activation.segment_csv import identify_files

AT = datetime(2026, 11, 20, tzinfo=UTC)


def test_users_without_a_trait_are_in_a_file_without_its_column_and_users_without_any_in_none():
    users = pa.table(
        {
            "userId": ["C-1042", 'C-3,"11"', "C-2077", "nobody", " "],
            "churn_score": [0.8731, 0.5, None, None, 0.1],
            "churn_band": ["high", None, "low", None, "low"],
            "decile": [1, None, 3, None, 1],
        }
    )
    files = identify_files(users, AT, "scores")
    assert files == {
        "identify_20261120_scores.csv": b"userId,traits.churn_score,traits.churn_band,traits.decile,timestamp\nC-1042,0.8731,high,1,2026-11-20T00:00:00.000Z\n",
        "identify_20261120_scores_2.csv": b'userId,traits.churn_score,timestamp\n"C-3,""11""",0.5,2026-11-20T00:00:00.000Z\n',
        "identify_20261120_scores_3.csv": b"userId,traits.churn_band,traits.decile,timestamp\nC-2077,low,3,2026-11-20T00:00:00.000Z\n",
    }


def test_numbers_are_written_in_full_and_lines_and_commas_in_ids_survive():
    users = pa.table({"userId": ["a\nb,c", "é"], "score": [1e-7, 0.0]})
    (data,) = identify_files(users, AT, "scores").values()
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [(row["userId"], row["traits.score"]) for row in rows] == [("a\nb,c", "0.000000100000"), ("é", "0")]


def test_no_users_make_no_file():
    assert identify_files(pa.table({"userId": pa.array([], pa.string()), "score": pa.array([], pa.float64())}), AT, "scores") == {}

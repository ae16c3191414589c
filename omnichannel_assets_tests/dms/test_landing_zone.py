"""The seven tables of the default registry, from files to current state, against a replay in plain Python."""

import random

import pyarrow as pa
import pytest

from omnichannel_assets.dms.files import changes_schema
from omnichannel_assets.dms.values import read_column
from omnichannel_assets_tests.dms.running import REGISTRY, counts, history_table, latest, log_of, parsed
from omnichannel_assets_tests.dms.shop import SPLIT, copied, life, replayed


def built(name: str, seed: int = 7, rows: int = 60) -> tuple:
    spec = REGISTRY[name]
    rng = random.Random(f"{seed} {name}")
    files = copied(spec, life(spec, rng, rows), rng)
    return spec, files, log_of(files, spec)


def with_parent(spec):
    if spec.parent is None:
        return {}
    parent, _, log = built(spec.parent)
    return {"parent": parent, "parents": history_table(log, parent)}


def typed(spec, state):
    columns = [read_column(pa.array([row.get(name) for row in state.values()], pa.string()), kind)[0].to_pylist() for name, kind in spec.columns.items()]
    extras = ['{"colour": "red"}' if row.get("colour") else None for row in state.values()]
    return sorted(zip(*columns, extras, strict=True), key=str)


@pytest.mark.parametrize("name", REGISTRY)
def test_the_current_state_of_each_table_equals_an_independent_replay_of_its_files(name):
    spec, files, log = built(name)
    versions = history_table(log, spec, **with_parent(spec))
    found = [tuple(row[column] for column in (*spec.columns, "extra")) for row in latest(versions, spec)]
    assert sorted(found, key=str) == typed(spec, replayed(spec, files))


@pytest.mark.parametrize("name", REGISTRY)
def test_every_log_row_is_either_repeated_or_a_change_in_the_history(name):
    spec, _, log = built(name)
    parents = with_parent(spec)
    counted = counts(log, spec, **parents)
    versions = history_table(log, spec, **parents).to_pylist()
    assert counted["log_rows"] == log.num_rows == counted["repeated_rows"] + counted["changes"]
    assert counted["changes"] == len({(row["object_key"], row["object_etag"], row["row"]) for row in versions})


@pytest.mark.parametrize("name", REGISTRY)
def test_versions_of_a_key_follow_each_other_without_gap_or_overlap(name):
    spec, _, log = built(name)
    before = None
    for row in history_table(log, spec, **with_parent(spec)).to_pylist():
        assert row["known_at"] == row["valid_from"]
        assert row["known_at_assumed"] == (row["valid_from"] < SPLIT or "LOAD" in row["object_key"])
        if row["version"] > 1:
            assert before["valid_to"] == row["valid_from"] >= before["valid_from"]
        else:
            assert before is None or before["valid_to"] is None
        before = row


@pytest.mark.parametrize("name", REGISTRY)
def test_reading_the_same_load_again_under_another_etag_adds_no_version(name):
    spec, files, log = built(name)
    parents = with_parent(spec)
    again = [parsed(content, key, spec, etag="e2").changes for key, content in files.items() if "LOAD" in key]
    first, second = (history_table(table, spec, **parents) for table in (log, pa.concat_tables([log, *again])))
    assert second.equals(first)


def test_a_table_without_any_file_has_an_empty_history():
    spec = REGISTRY["orders"]
    assert history_table(changes_schema(spec).empty_table(), spec).num_rows == 0

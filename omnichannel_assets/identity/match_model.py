"""The model that weighs pairs of records: Splink's, trained on the records themselves, without labels.

Here: everything that touches Splink, which only `omnichannel-assets[match]` installs. Not here: cleaning (match_records), words (match_words).
Same records, same pairs and probabilities: the one random step has a fixed seed, and one thread adds numbers up in one order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.match_records import NAMES, Records
from omnichannel_assets.identity.match_words import CLOSE, LEVELS, SAME, SIMILAR, SWAPPED

if TYPE_CHECKING:
    import duckdb

SEED = 20_250_101
RANDOM_PAIRS, TRAINING_PAIRS = 3e5, 2e6
"""Pairs that show how often strangers agree by chance, and pairs of each training pass: more make no better model, only a slower one."""
CERTAIN_KEYS = (("national_id",), ("first_name", "last_name", "birth_date"), ("first_name", "email"), ("first_name", "last_name", "postcode"))
"""Agreement that nearly always means one person: how many such pairs there are gives a first guess of how many there must be."""
ASSUMED_RECALL = 0.7
TRAINED_ON = (("first_name", "last_name"), ("birth_date",), ("postcode",), ("last_name",), ("email",), ("street",))
"""Each pass holds some fields equal and learns the others: two passes at least, so that every field is learned."""
EDITS = {"birth_date": {CLOSE: 1, SIMILAR: 2}, "national_id": {CLOSE: 1, SIMILAR: 2}, "postcode": {CLOSE: 1}, "phone": {CLOSE: 1}}
"""How many typing errors a level allows in short codes: letters added, lost, changed or swapped (Damerau-Levenshtein)."""
SLIPS = {"first_name": 1, "last_name": 1, "email": 1}
"""The same in longer texts, swaps not seen as such (Levenshtein): ten times as fast there."""
ALIKE = {"first_name": 0.88, "last_name": 0.88, "street": 0.9, "city": 0.9}
"""Jaro-Winkler similarity from which texts count as similar."""


def weighed_pairs(records: Records, at_least: float, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Pairs that meet under some key, with `left_ref`, `right_ref`, `match_probability` (at_least or more), `match_weight` and the level of each field.

    Empty when the records show too little to learn from. The levels' columns are called like the fields. Raises SettingError for too little memory.
    """
    import duckdb
    from splink import DuckDBAPI, Linker
    from splink.internals.exceptions import SplinkException

    with _quiet_splink():
        try:
            connection.execute("set threads = 1")  # so that sums are added up in one order
            api = DuckDBAPI(connection)
            linker = Linker(api.register(records.table), _settings(records), log_level=None)
            linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=SEED)
            _train(linker, records)
            found = linker.inference.predict(threshold_match_probability=at_least, warning_mode="never").as_duckdbpyrelation()
            levels = ", ".join(f"cast(gamma_{name} as integer) as {name}" for name in records.fields)
            ends = "least(ref_l, ref_r) as left_ref, greatest(ref_l, ref_r) as right_ref"
            pairs = found.project(f"{ends}, match_probability, match_weight, {levels}").to_arrow_table()
        except SplinkException:
            return _no_pairs(records)
        except duckdb.OutOfMemoryException:
            raise SettingError("ENGINE_MEMORY_MB", "too little", expected="memory for matching", fix="set it higher, or IDENTITY_MATCHING=off") from None
    return pairs.sort_by([("left_ref", "ascending"), ("right_ref", "ascending")])


def _no_pairs(records: Records) -> pa.Table:
    columns = {"left_ref": pa.string(), "right_ref": pa.string(), "match_probability": pa.float64(), "match_weight": pa.float64()}
    return pa.schema([*columns.items(), *((name, pa.int32()) for name in records.fields)]).empty_table()


@contextmanager
def _quiet_splink() -> Iterator[None]:
    """Splink tells its users how to improve a model by hand; nobody is there to read it."""
    logger = logging.getLogger("splink")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _settings(records: Records) -> Any:
    from splink import SettingsCreator, block_on

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="ref",
        comparisons=[_comparison(name, records.fields) for name in records.fields],
        blocking_rules_to_generate_predictions=[block_on(records.key_column(number)) for number in range(len(records.keys))],
        probability_two_random_records_match=_prior(records),
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=True,
        max_iterations=25,
        linker_uid="matching",
    )


def _comparison(name: str, fields: tuple[str, ...]) -> Any:
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons

    made = [levels.NullLevel(name)]
    for how in reversed(LEVELS[name]):
        if how == SAME:
            same = levels.ExactMatchLevel(name, term_frequency_adjustments=name in NAMES)
            made.append(same)
        elif how == SWAPPED:
            # Always a level, so that numbers mean the same whichever columns there are; without last names nobody is on it.
            reversed_names = levels.ColumnsReversedLevel("first_name", "last_name", symmetrical=True)
            made.append(reversed_names if "last_name" in fields else levels.CustomLevel("false", "swapped"))
        elif how in EDITS.get(name, {}):
            made.append(levels.DamerauLevenshteinLevel(name, EDITS[name][how]))
        elif how == CLOSE:
            made.append(levels.LevenshteinLevel(name, SLIPS[name]))
        elif how == SIMILAR:
            made.append(levels.JaroWinklerLevel(name, ALIKE[name]))
    made.append(levels.ElseLevel())
    return comparisons.CustomComparison(made, output_column_name=name)


def _prior(records: Records) -> float:
    """How probable it is that two records drawn at random are one person: a first guess, from the pairs that certainly are."""
    table = records.table
    count = table.num_rows
    certain = max((_pairs_of(table, key) for key in CERTAIN_KEYS if set(key) <= set(records.fields)), default=0)
    # Never none and never all, whatever the records look like.
    likely = min(max(certain / ASSUMED_RECALL, 1.0), 5.0 * count)
    return min(likely / (count * (count - 1) / 2), 0.5)


def _pairs_of(table: pa.Table, key: tuple[str, ...]) -> int:
    complete = table.select(list(key)).drop_null()
    sizes = complete.group_by(list(key)).aggregate([([], "count_all")])["count_all"].to_numpy().astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _train(linker: Any, records: Records) -> None:
    """Learn how often one person's records agree on each field. A pass that finds nothing to learn from is left out."""
    from splink import block_on
    from splink.internals.exceptions import EMTrainingException

    count = records.table.num_rows
    for fields in TRAINED_ON:
        pairs = _pairs_of(records.table, fields) if set(fields) <= set(records.fields) else 0
        if not pairs:
            continue
        bounds = {"max_pairs": TRAINING_PAIRS, "record_sample_proportion": min(1.0, 20_000 / count)} if pairs > TRAINING_PAIRS else {}
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*fields), **bounds)
        except EMTrainingException:
            continue

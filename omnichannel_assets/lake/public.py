"""The lake as people query it: every table by its public name, over an engine that may read this lake's files and nothing else.

Three names differ from the files: ``segment_events`` leaves out copies that lose to another day, ``identities`` shows today's rows
(``identities_history`` all of them), and ``dms_<table>_latest`` the rows the shop's database holds now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from omnichannel_assets.lake.engine import Engine, quoted
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.schema import TableSchema

HIDDEN = frozenset({"segment_quarantine", "dms_quarantine", "campaign_event_quarantine"})
"""Parts of the public ``quarantine``."""


@contextmanager
def public_engine(lake: Lake, tables: Mapping[str, TableSchema]) -> Iterator[Engine]:
    """An engine with the public tables. It cannot write files, load extensions or read anything outside the lake."""
    with lake.engine(reading=True) as engine:
        for table in tables.values():
            if table.name not in HIDDEN:
                engine.register_files(table, lake.paths(table), _stored_name(table.name))
        for name, sql in _views(tables).items():
            engine.run_script(f"create view {quoted(name)} as {sql}")
        engine.confine(str(lake.store.root))
        yield engine


def _stored_name(name: str) -> str:
    return {"segment_events": "segment_events_all", "identities": "identities_history"}.get(name, name)


def _views(tables: Iterable[str]) -> dict[str, str]:
    views = {
        "segment_events": "select e.* from segment_events_all as e left join segment_duplicates as d "
        "on d.message_id = e.message_id and d.received_day = e.received_day where d.message_id is null",
        "identities": "select * from identities_history where valid_to is null",
    }
    for name in tables:
        if name.startswith("dms_") and not name.endswith("_log") and name not in HIDDEN:
            views[f"{name}_latest"] = f"select * from {quoted(name)} where valid_to is null and not is_deleted"
    return views

"""Identity at ten million links: one full build, one further day, and two peers (``python -m benchmarks.identity_scale [PEOPLE]``).

A case is a process of its own; its seconds are wall and CPU, its memory the peak of the process. The peers give connected components of
today alone: no limits, no dates, no journal, no shared identifiers. One round, because the cases are long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

PEOPLE = 1_000_000
LINKS_A_PERSON = 10
DAYS = 120
FIRST_DAY = date(2026, 1, 1)
KIOSKS = 20
LIMIT_SECONDS = 600
DAY_MICROSECONDS = 86_400_000_000


def write_links(folder: Path, people: int) -> None:
    """Parts of 120 days, and one more with a hundredth of the links, some known late. A thousandth of the links is made at shared devices."""
    import numpy as np

    dice = np.random.default_rng(7)
    links = people * LINKS_A_PERSON
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    for number in range(DAYS + 1):
        count = links // DAYS if number < DAYS else links // 100
        _write_day(folder / "parts", number, _day(dice, number, count, people))


def _day(dice: Any, number: int, count: int, people: int) -> dict[str, Any]:
    import numpy as np

    start = (FIRST_DAY - date(1970, 1, 1)).days * DAY_MICROSECONDS
    known = start + number * DAY_MICROSECONDS + dice.integers(0, DAY_MICROSECONDS, count)
    if number == DAYS:
        known = known - np.where(dice.random(count) < 0.01, dice.integers(1, 60, count) * DAY_MICROSECONDS, 0)
    person = dice.integers(0, people, count)
    device = np.where(dice.random(count) < 0.001, -1 - person % KIOSKS, person * 3 + np.minimum(dice.geometric(0.6, count) - 1, 2))
    carried = {"anonymous_id": np.ones(count, bool), "user_id": dice.random(count) < 0.6, "email": dice.random(count) < 0.4}
    carried["phone"] = (dice.random(count) < 0.25) & (person % 10 < 6)
    return {"number": number * 10_000_000 + dice.permutation(count), "known": known, "person": person, "device": device, "carried": carried}


def _write_day(folder: Path, number: int, day: dict[str, Any]) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from omnichannel_assets.identity.graph import LINKS_SCHEMA

    texts = {
        "anonymous_id": lambda who: _text("device-", day["device"][who]),
        "user_id": lambda who: _text("C-", day["person"][who]),
        "email": lambda who: pc.binary_join_element_wise(_text("person.", day["person"][who]), pa.scalar("example.com"), pa.scalar("@")),
        "phone": lambda who: _text("+6140", day["person"][who]),
    }
    tables = []
    for kind, is_there in day["carried"].items():
        who = np.flatnonzero(is_there)
        columns = [pa.repeat(pa.scalar("segment"), len(who)), _text("message-", day["number"][who]), pa.array(day["known"][who]).cast(LINKS_SCHEMA.field(2).type)]
        tables.append(pa.table([*columns, pa.repeat(pa.scalar(kind), len(who)), texts[kind](who)], schema=LINKS_SCHEMA))
    table = pa.concat_tables(tables).sort_by([(name, "ascending") for name in ("link_id", "identifier_type", "identifier_value")])
    pq.write_table(table, folder / f"segment_{FIRST_DAY + timedelta(days=number)}.parquet", compression="zstd")


def _text(head: str, numbers: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(pa.scalar(head), pa.array(numbers).cast(pa.string()), pa.scalar(""))


def _parts(folder: Path, days: int) -> list[str]:
    return [path.stem for path in sorted((folder / "parts").glob("*.parquet"))][:days]


def _reader(folder: Path):
    import pyarrow.parquet as pq

    return lambda name: pq.read_table(folder / "parts" / f"{name}.parquet")


def _terms(days: int):
    from omnichannel_assets.identity.resolve import Terms
    from omnichannel_assets.identity.rules import DEFAULT_RULES

    return Terms(DEFAULT_RULES, b"benchmark", FIRST_DAY + timedelta(days=days))


def full(folder: Path) -> None:
    """All 120 days from Parquet parts to the tables in memory."""
    from omnichannel_assets.identity.incremental import full_state
    from omnichannel_assets.identity.resolve import tables_of

    state = full_state(_parts(folder, DAYS), _reader(folder), _terms(DAYS))
    _told(tables_of(state.graph, state.outcome))


def keep(folder: Path) -> None:
    """The same, and its state written for ``step``."""
    from omnichannel_assets.assets.identity_cache import CachedState, write_state
    from omnichannel_assets.identity.incremental import full_state

    names = _parts(folder, DAYS)
    state = full_state(names, _reader(folder), _terms(DAYS))
    (folder / "state").mkdir(exist_ok=True)
    meta = write_state(folder / "state", CachedState(state, FIRST_DAY, {name: name for name in names}), {})
    (folder / "state.json").write_text(json.dumps(meta))


def step(folder: Path) -> None:
    """One more day: the kept state read, brought up to date, and the tables in memory."""
    from omnichannel_assets.assets.identity_cache import read_state
    from omnichannel_assets.identity.incremental import updated_state
    from omnichannel_assets.identity.resolve import tables_of

    state = read_state(folder / "state", json.loads((folder / "state.json").read_text()))
    changed = _parts(folder, DAYS + 1)[DAYS:]
    update = updated_state(state, changed, _reader(folder), _terms(DAYS + 1), _terms(DAYS))
    print(f"{update.resolved:,} identifiers resolved again", file=sys.stderr)
    _told(tables_of(update.state.graph, update.state.outcome))


def again(folder: Path) -> None:
    """All 121 days anew: what ``step`` has to equal."""
    from omnichannel_assets.identity.incremental import full_state
    from omnichannel_assets.identity.resolve import tables_of

    state = full_state(_parts(folder, DAYS + 1), _reader(folder), _terms(DAYS + 1))
    _told(tables_of(state.graph, state.outcome))


def _told(found: Any) -> None:
    """Rows and, where CHECK is asked for, a digest of the three tables, on standard output."""
    tables = {"identities": found.identities, "changes": found.changes, "shared": found.shared}
    told = ", ".join(f"{table.num_rows:,} {name}" for name, table in tables.items())
    print(told, [_digest(table) for table in tables.values()] if os.environ.get("CHECK") else "")


def _digest(table: Any) -> str:
    import hashlib

    import pyarrow as pa

    digest = hashlib.sha256()
    for start in range(0, table.num_rows, 1_000_000):
        sink = pa.BufferOutputStream()
        rows = table.slice(start, 1_000_000).combine_chunks().take(list(range(min(1_000_000, table.num_rows - start))))
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(rows.combine_chunks())
        digest.update(sink.getvalue())
    return digest.hexdigest()[:16]


def networkx(folder: Path) -> None:
    """Connected components with networkx."""
    import networkx as nx

    read, graph = _reader(folder), nx.Graph()
    for name in _parts(folder, DAYS):
        table, first = read(name), {}
        columns = (table[c].to_pylist() for c in ("link_id", "identifier_type", "identifier_value"))
        for link, kind, value in zip(*columns, strict=True):
            graph.add_edge(first.setdefault(link, (kind, value)), (kind, value))
    print(f"{nx.number_connected_components(graph):,} components")


def duckdb(folder: Path) -> None:
    """Connected components with SQL alone: the least label of each link's identifiers is handed on until nothing changes."""
    import duckdb as engine

    run = engine.connect(config={"memory_limit": "3GiB", "threads": 2, "temp_directory": str(folder / "spill")}).execute
    first, last = (FIRST_DAY + timedelta(days=number) for number in (0, DAYS))
    run(f"create table links as select * from read_parquet('{folder}/parts/*.parquet') where known_at >= date '{first}' and known_at < date '{last}'")
    run("create table nodes as select row_number() over (order by identifier_type, identifier_value) as node, * from (select distinct identifier_type, identifier_value from links)")
    run("create table rows as select dense_rank() over (order by link_id) as link, node from links join nodes using (identifier_type, identifier_value)")
    run("create table edges as select distinct least(a, b) as a, greatest(a, b) as b from (select min(node) over (partition by link) as a, node as b from rows) where a <> b")
    run("create table labels as select node, node as label from nodes")
    rounds, changed = 0, 1
    while changed:
        run(
            "create table found as select node, min(label) as label from (select node, label from labels union all select b, label from edges join labels on node = a "
            "union all select a, label from edges join labels on node = b) group by node"
        )
        run("create table jumped as select f.node, least(f.label, l.label) as label from found as f join found as l on l.node = f.label")
        changed = run("select count(*) from jumped join labels using (node) where jumped.label <> labels.label").fetchone()[0]
        run("drop table labels; drop table found; alter table jumped rename to labels")
        rounds += 1
    print(f"{run('select count(distinct label) from labels').fetchone()[0]:,} components after {rounds} rounds")


def measured(case: str, folder: Path, environment: dict[str, str] | None = None) -> tuple[float, float, float, str] | None:
    """Wall and CPU seconds, peak MiB and what the case told; None when it did not finish in time."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.identity_scale", "case", case, str(folder)]
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=told, env={**os.environ, **(environment or {})})
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = status
                break
            if time.monotonic() - began > LIMIT_SECONDS:
                process.kill()
                process.wait()
                return None
            time.sleep(0.05)
        if status:
            raise SystemExit(f"{case} failed with status {status}")
        wall = time.monotonic() - began
        told.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, told.read().decode().strip()


def rows(people: int = PEOPLE) -> list[str]:
    """The measured rows of the benchmark's table, printed as they come."""
    found = []
    links = f"{people * LINKS_A_PERSON:,} links"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_links(folder, people)
        build = measured("full", folder)
        measured("keep", folder)
        steps = sorted((measured("step", folder) for _ in range(3)), key=lambda found: found[1] if found else LIMIT_SECONDS)
        pairs = (
            (f"{links} over {people:,} people: customers at every as-of date, beside components with networkx", build, measured("networkx", folder)),
            (f"{links}: the same, beside components with SQL alone (DuckDB)", build, measured("duckdb", folder)),
            (f"{links}: one more day of {people * LINKS_A_PERSON // 100:,} links, beside a full build", steps[1], build),
        )
        for what, ours, peer in pairs:
            found.append(_row(what, ours, peer))
            print(found[-1], flush=True)
    return found


def _row(what: str, ours: Any, peer: Any) -> str:
    if ours is None or peer is None:
        late = f"not finished in {LIMIT_SECONDS} s"
        seconds, memory = (f"{side[1]:.1f}" if side else late for side in (ours, peer)), (f"{side[2]:.0f}" if side else "" for side in (ours, peer))
        return f"| {what} | {' / '.join(seconds)} | | {' / '.join(memory)} |"
    return f"| {what} (wall {ours[0]:.0f} / {peer[0]:.0f} s) | {ours[1]:.1f} / {peer[1]:.1f} | **{ours[1] / peer[1]:.2f}** | {ours[2]:.0f} / {peer[2]:.0f} |"


def check(people: int) -> None:
    """Whether one more day on the kept state gives the tables of a build of all days, to the byte."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_links(folder, people)
        measured("keep", folder)
        one, other = (measured(case, folder, {"CHECK": "1"}) for case in ("step", "again"))
        print(one, other, "equal" if one and other and one[3] == other[3] else "DIFFERENT", sep="\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["case", case, folder]:
            globals()[case](Path(folder))
        case ["check", people]:
            check(int(people))
        case [people]:
            rows(int(people))
        case _:
            rows()

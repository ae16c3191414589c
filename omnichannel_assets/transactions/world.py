"""Sales of plain files as the named inputs of the features SQL, and the examples that the same SQL makes of them.

Here: orders, order lines, returns and identities out of lines of sales; everything else that the SQL reads is empty. Not here: reading files
(``files``). A file says nothing of when a line was known: it counts from the moment of the sale. Every line is merchandise, and no channel is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from omnichannel_assets.assets.as_of import parameters_at
from omnichannel_assets.assets.steps import read_by, register_inputs
from omnichannel_assets.assets.training_examples import AT_CUTOFFS, HELD
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.propensity import calendar
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import load_settings, midnight
from omnichannel_assets.transactions.files import Sales

if TYPE_CHECKING:
    import pyarrow as pa

LATER_THAN_ALL = date(9999, 1, 1)
HISTORY_DAYS = 90
"""Days of sales before the first cut-off."""

INPUTS: dict[str, str] = {
    "identities": """select 'customer_ref' as identifier_type, customer as identifier_value, customer as customer_id, min(sold_at) as first_known_at,
        cast(min(sold_at) as date) as valid_from, cast(null as date) as valid_to
    from sale_lines where sold_at < $as_of group by customer""",
    "orders": """select order_id, customer as customer_id, 'unknown' as channel, cast(null as varchar) as store_id, min(sold_at) as ordered_at, min(sold_at) as known_at,
        cast(sum(amount) as decimal(18, 2)) as total, cast(null as varchar) as currency, 'completed' as status, 'file' as source, cast(null as varchar) as message_id
    from sale_lines where units > 0 group by order_id, customer having min(sold_at) < $as_of""",
    "order_lines": """select l.order_id, l.line_no, coalesce(l.item, 'unknown') as item_id, cast(round(l.units) as bigint) as quantity,
        cast(l.amount / l.units as decimal(18, 2)) as unit_price, cast(l.amount as decimal(18, 2)) as line_total, true as is_merchandise, 'file' as source
    from sale_lines as l join orders as o on o.order_id = l.order_id where l.units > 0""",
    "returns": """select concat('line ', line_no) as return_id, cast(1 as bigint) as position, cast(null as varchar) as order_id, customer as customer_id, item as item_id,
        cast(round(-units) as bigint) as quantity, cast(abs(amount) as decimal(18, 2)) as amount, cast(null as varchar) as currency, 'unknown' as channel,
        sold_at as returned_at, sold_at as known_at
    from sale_lines where units < 0 and sold_at < $as_of""",
}
"""Named input -> how it is made of the lines, as of T. Lines of one order name, or of one customer at one time where none is told, are an order."""
LINES = """select *, concat(customer, '/', coalesce(order_name, cast(sold_at as varchar))) as order_id, row_number() over (order by sold_at, customer, order_name, item, units, amount) as line_no
from all_sales"""


@dataclass(frozen=True)
class Plan:
    """Which cut-offs examples are made at: the first of every month from ``first``, else from the first with 90 days of sales before it."""

    first: date | None = None


@contextmanager
def opened(options: Mapping[str, Any]) -> Iterator[Workspace]:
    """A workspace over an empty lake, with settings by field name in force: for the values that the SQL binds, and the engine's limits."""
    with TemporaryDirectory(prefix="transactions-") as folder:
        fixed = {"lake_uri": str(Path(folder) / "lake"), "landing_uri": str(Path(folder) / "landing"), "as_of": LATER_THAN_ALL.isoformat()}
        yield Workspace(load_settings({**options, **fixed}))


def cutoffs(sales: Sales, plan: Plan, horizon_days: int) -> tuple[list[date], date]:
    """The cut-offs whose shortest horizon is closed, oldest first, and the midnight after the last sale."""
    import pyarrow.compute as pc

    sold = sales.lines.filter(pc.greater(sales.lines.column("units"), 0)).column("sold_at")
    if not len(sold):
        return [], LATER_THAN_ALL
    until = calendar.orders_until(pc.max(sold).as_py(), LATER_THAN_ALL)
    earliest = plan.first or pc.min(sold).as_py().date() + timedelta(days=HISTORY_DAYS)
    months = (date(year, month, 1) for year in range(earliest.year, until.year + 1) for month in range(1, 13))
    return calendar.closed((day for day in months if day >= earliest), horizon_days, until), until


def examples(workspace: Workspace, sales: Sales, plan: Plan) -> pa.Table:
    """Features at the cut-offs and what happened afterwards: ``sql/customer_features.sql`` and ``sql/training_examples.sql`` over the sales."""
    import pyarrow as pa

    days, until = cutoffs(sales, plan, workspace.horizons.shortest)
    features = [CUSTOMER_FEATURES.arrow().empty_table()]
    with workspace.lake.engine() as engine:
        engine.register("all_sales", sales.lines)
        engine.store_query("sale_lines", LINES)
        held = []
        for day in days:
            _register(workspace, engine, CUSTOMER_FEATURES.name, day)
            made = engine.model(CUSTOMER_FEATURES, {**parameters_at(workspace, day), **workspace.feature_parameters()})
            features.append(made.cast(CUSTOMER_FEATURES.arrow()))
            held.append(engine.query(HELD, {"day": day}))
        _register(workspace, engine, TRAINING_EXAMPLES.name, LATER_THAN_ALL)
        engine.register(AT_CUTOFFS[0], pa.concat_tables(features).rename_columns({"as_of": "cutoff"}))
        engine.register(AT_CUTOFFS[1], pa.concat_tables(held or [engine.query(HELD, {"day": LATER_THAN_ALL}).slice(0, 0)]))
        bound = {**parameters_at(workspace, LATER_THAN_ALL), **workspace.feature_parameters(), **asdict(workspace.horizons)}
        return engine.model(TRAINING_EXAMPLES, {**bound, "orders_until": midnight(until)})


def _register(workspace: Workspace, engine: Engine, model: str, day: date) -> None:
    """Make everything that a model reads available as of a day: the sales' own inputs, and empty ones for the rest."""
    parameters = parameters_at(workspace, day)
    for name, sql in INPUTS.items():
        engine.store_query(name, sql, parameters)
    register_inputs(workspace, engine, [name for name in read_by(model) if name not in INPUTS and name not in AT_CUTOFFS], parameters)

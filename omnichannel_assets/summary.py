"""The counts a person reads after a run: every ``=`` holds to the row. From manifests and the public tables."""

from dataclasses import dataclass
from decimal import Decimal

from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import IDENTIFIERS
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.run import RunResult


@dataclass(frozen=True)
class Balance:
    """One law: ``total`` of something = the sum of named parts."""

    subject: str
    unit: str
    total: int
    parts: dict[str, int]

    def equation(self) -> str:
        """The right-hand side, as text."""
        return " + ".join(f"{number:,} {name}" for name, number in self.parts.items())


@dataclass(frozen=True)
class LakeCounts:
    """What a lake holds: its balances in the order of the flow, and the headline numbers."""

    balances: tuple[Balance, ...]
    customers: int
    known: int
    contactable: int
    orders: int
    revenue: Decimal
    interactions: int


def summary_lines(workspace: Workspace, result: RunResult) -> list[str]:
    """The summary of a run, one line each."""
    lines = [f"Lake {workspace.lake.store.root} as of {result.as_of} (everything known before 00:00 UTC)", ""]
    previous = ""
    for balance in lake_counts(workspace).balances:
        subject = balance.subject if balance.subject != previous else ""
        previous = balance.subject
        lines.append(f"{subject:<13} {balance.total:>9,} {balance.unit:<20} = {balance.equation()}")
    lines += _model_lines(workspace)
    lines += _delivery_lines(result)
    rewritten = sum(result.rewritten.values())
    if rewritten:
        return [*lines, "", f"{rewritten:,} partitions of {len(result.rewritten)} tables rewritten."]
    return [*lines, "", "Nothing changed: the lake already holds what the landing zone gives; no file was rewritten."]


@dataclass(frozen=True)
class Quality:
    """How good the version of one model that scored the newest date is, on the mean of its origins beside recency alone; or why there is none."""

    model: str
    auc: float | None
    baseline: float | None
    population: str
    refusal: str = ""

    def sentence(self) -> str:
        """The judgement in words."""
        if self.refusal:
            return self.refusal
        if self.auc is None:
            return f"cannot be judged yet: {self.population}"
        beside = f", recency alone {self.baseline:.3f}" if self.baseline is not None else ""
        return f"AUC {self.auc:.3f}{beside}; {self.population}"


def model_quality(workspace: Workspace) -> list[Quality]:
    """The newest version of each model: judged, or refused with the reason."""
    with public_engine(workspace.lake, workspace.tables) as engine:
        judged = engine.rows(
            "select m.model, m.value, r.value as baseline, m.population from model_evaluation as m left join model_evaluation as r on r.as_of = m.as_of "
            "and r.model = m.model and r.origin = m.origin and r.segment = m.segment and r.metric = m.metric and r.judge = 'recency' "
            "where m.metric = 'auc' and m.judge = 'model' and m.segment = 'all' and m.origin = 'mean' "
            "and m.as_of = (select max(as_of) from model_evaluation) order by m.model"
        )
        refused = engine.rows(
            " union all ".join(
                f"select model, refusal from {table} where refusal is not null and as_of = (select max(as_of) from {table})"
                for table in ("churn_model", "repurchase_model")
            )
            + " order by model"
        )
    found = {model: Quality(model, value, baseline, population) for model, value, baseline, population in judged}
    return list((found | {model: Quality(model, None, None, "", refusal) for model, refusal in refused}).values())


def _model_lines(workspace: Workspace) -> list[str]:
    names = {"churn_inactivity": "leaving", "churn_subscription": "ending a subscription", "repurchase": "buying again"}
    lines = [f"{names.get(quality.model, quality.model):<22} {quality.sentence()}" for quality in model_quality(workspace)]
    return _titled("Models", lines)


def _delivery_lines(result: RunResult) -> list[str]:
    lines = [
        f"{channel:<11} {'' if stream == 'outcome' else stream:<21} {words}"
        for channel, streams in sorted(result.delivered.items())
        for stream, words in streams.items()
        if stream != "as_of"
    ]
    return _titled("Delivered", lines)


def _titled(title: str, lines: list[str]) -> list[str]:
    return ["", *(f"{title if not number else '':<13} {line}" for number, line in enumerate(lines))] if lines else []


def lake_counts(workspace: Workspace) -> LakeCounts:
    """All counts of a lake."""
    with public_engine(workspace.lake, workspace.tables) as engine:
        (people,) = engine.rows(
            "select count(*), count(*) filter (where is_known), count(*) filter (where email_opt_in and email is not null) from customers"
        )
        (orders,) = engine.rows(
            "select count(*), count(*) filter (where channel = 'online'), count(*) filter (where channel = 'store'), count(customer_id) from orders"
        )
        ((identifiers, linked),) = engine.rows("select count(*), count(distinct customer_id) from identities")
        ((revenue,),) = engine.rows("select coalesce(sum(lifetime_value), 0) from customers")
        kinds = dict(engine.rows("select event_type, count(*) from interactions group by 1 order by 2 desc, 1"))
    balances = (
        *_source_balances(workspace),
        Balance("Customers", "with an identifier", linked, {"known": people[1], "visitors": people[0] - people[1]}),
        Balance("Customers", "identifiers", identifiers, {"the first of a customer": linked, "joined to one": identifiers - linked}),
        Balance("Orders", "orders", orders[0], {"online": orders[1], "in store": orders[2]}),
        Balance("Orders", "orders", orders[0], {"of a customer": orders[3], "of nobody known": orders[0] - orders[3]}),
        Balance("Interactions", "interactions", sum(kinds.values()), kinds),
    )
    return LakeCounts(balances, people[0], people[1], people[2], orders[0], revenue, sum(kinds.values()))


def _source_balances(workspace: Workspace) -> list[Balance]:
    staged, links = _counts(workspace, SEGMENT_EVENTS), _counts(workspace, IDENTIFIERS)
    shop = _counts(workspace, *(dms_history_table(spec) for spec in workspace.registry.values()))
    losing = _counts(workspace, SEGMENT_DUPLICATES).get("rows_out", 0)
    lines = {"calls": staged.get("rows_out", 0), "copies": staged.get("duplicates", 0), "quarantined": staged.get("quarantined", 0)}
    lines |= {"erased": staged["erased"]} if staged.get("erased") else {}
    rows = {"changes": shop.get("changes", 0), "repeated": shop.get("duplicates", 0), "quarantined": shop.get("quarantined", 0)}
    rows |= {"erased": shop["erased"]} if shop.get("erased") else {}
    carried = {
        "linked": links.get("rows_out", 0),
        "repeated": links.get("duplicates", 0),
        "blocked": links.get("blocked", 0),
        "unreadable": links.get("unreadable", 0),
    }
    return [
        Balance("Segment", "lines read", staged.get("lines_in", 0), lines),
        Balance("Segment", "calls", lines["calls"], {"messages": lines["calls"] - losing, "copies of another day": losing}),
        Balance("Shop database", "rows read", shop.get("rows_in", 0) + rows["quarantined"] + rows.get("erased", 0), rows),
        Balance("Identity", "identifiers carried", links.get("rows_in", 0), carried),
    ]


def _counts(workspace: Workspace, *tables: TableSchema) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for manifest in workspace.lake.manifests(table).values():
            for name, number in manifest.counts.items():
                total[name] = total.get(name, 0) + number
    return total

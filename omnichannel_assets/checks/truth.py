"""Compare a lake with the truth folder of a generated landing zone (``omnichannel verify``). The truth is never an input of anything else.

Each figure is a row: name, value, whether it holds. Identity is judged in pairs of the truth's identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import Engine, quoted, text_literal
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.resources.workspace import Workspace

TRUTH_FILES = ("identity", "orders", "consent", "behaviour")
PAIRS_AT_LEAST = 0.9995
"""Precision and recall over pairs of the truth's identifiers."""

@dataclass(frozen=True)
class Figure:
    """One compared figure. ``holds`` is None where the figure only informs."""

    name: str
    value: float | int | str
    holds: bool | None = None


def verify(workspace: Workspace, truth: Path) -> list[Figure]:
    """All figures of a lake against a truth folder. Raises InputError when the folder is not a truth folder."""
    missing = [name for name in TRUTH_FILES if not (truth / f"{name}.csv").is_file()]
    if missing:
        raise InputError(
            "--truth", f"{truth} without {missing[0]}.csv", expected="a truth folder", fix="name the folder written with the landing zone"
        )
    with workspace.lake.engine(reading=True) as engine:
        _register_truth(engine, truth)
        for name in ("identity", "orders", "consent", "behaviour"):
            engine.register(f"truth_{name}", engine.query(f"select * from truth_{name}_file"))
        facts = {name: engine.query(f"select * from truth_{name}") for name in TRUTH_FILES}
    with public_engine(workspace.lake, workspace.tables) as engine:
        for name, rows in facts.items():
            engine.register(f"truth_{name}", rows)
        engine.store_query("owners", OWNERS)
        return [*_order_figures(engine), *_identity_figures(engine), *_consent_figures(engine), *_behaviour_figures(engine), _shared_figure(engine)]


def _register_truth(engine: Engine, truth: Path) -> None:
    for name in TRUTH_FILES:
        path = text_literal(str(truth / f"{name}.csv"))
        engine.run_script(
            f"create view {quoted(f'truth_{name}_file')} as select * from read_csv({path}, header = true, all_varchar = true)"
        )


OWNERS = """
select t.identifier_type, t."value" as identifier_value, t.person, i.customer_id
from truth_identity as t
left join identities as i on i.identifier_type = t.identifier_type and i.identifier_value = t."value"
"""


def _order_figures(engine: Engine) -> list[Figure]:
    ((truth, ours, missing, extra, totals, channels, people),) = engine.rows("""
        with compared as (
            select t.order_id as t_id, o.order_id as o_id, o.total is distinct from cast(t.total as decimal(18, 2)) as other_total, o.channel <> t.channel as other_channel,
                t.person, o.customer_id
            from truth_orders as t full join orders as o on o.order_id = t.order_id
        ),
        home as (select person, max(customer_id) as customer_id from owners group by person)
        select (select count(*) from truth_orders), (select count(*) from orders), count(*) filter (where o_id is null), count(*) filter (where t_id is null),
            count(*) filter (where t_id is not null and o_id is not null and other_total), count(*) filter (where other_channel),
            count(*) filter (where compared.customer_id is not null and coalesce(compared.person, '') <> '' and compared.customer_id <> home.customer_id)
        from compared left join home on home.person = compared.person""")
    ((twice,),) = engine.rows("select count(*) - count(distinct order_id) from orders")
    return [
        Figure("orders in the truth", truth),
        Figure("orders in the lake", ours, ours == truth),
        Figure("orders missing", missing, missing == 0),
        Figure("orders that are none", extra, extra == 0),
        Figure("orders counted twice", twice, twice == 0),
        Figure("order totals that differ", totals, totals == 0),
        Figure("order channels that differ", channels, channels == 0),
        Figure("orders with another person", people, people == 0),
    ]


def _identity_figures(engine: Engine) -> list[Figure]:
    ((unknown, together, predicted, right, joined),) = engine.rows("""
        with by_person as (select person, count(*) as n from owners group by person),
        by_customer as (select coalesce(customer_id, identifier_type || identifier_value) as c, count(*) as n, count(distinct person) as people from owners group by 1),
        by_both as (select person, customer_id, count(*) as n from owners where customer_id is not null group by person, customer_id)
        select (select count(*) from owners where customer_id is null), (select sum(n * (n - 1) / 2) from by_person),
            (select sum(n * (n - 1) / 2) from by_customer), (select coalesce(sum(n * (n - 1) / 2), 0) from by_both), (select count(*) from by_customer where people > 1)""")
    precision = right / predicted if predicted else 1.0
    recall = right / together if together else 1.0
    return [
        Figure("identifiers without a customer", unknown, unknown == 0),
        Figure("identity precision (pairs)", round(precision, 6), precision >= PAIRS_AT_LEAST),
        Figure("identity recall (pairs)", round(recall, 6), recall >= PAIRS_AT_LEAST),
        Figure("customers that hold two people", joined, joined == 0),
    ]


def _consent_figures(engine: Engine) -> list[Figure]:
    ((people, wrong),) = engine.rows("""
        with home as (select person, min(customer_id) as customer_id from owners group by person)
        select count(*), count(*) filter (where c.email_opt_in is distinct from cast(t.email_opt_in as boolean))
        from truth_consent as t left join home on home.person = t.person left join customers as c on c.customer_id = home.customer_id""")
    ((invented,),) = engine.rows("""
        select count(distinct c.customer_id) from customers as c join owners as o on o.customer_id = c.customer_id
        where c.email_opt_in is not null and o.person not in (select person from truth_consent)""")
    return [
        Figure("people with a choice about e-mail", people),
        Figure("choices that differ", wrong, wrong == 0),
        Figure("choices nobody made", invented, invented == 0),
    ]


def _behaviour_figures(engine: Engine) -> list[Figure]:
    ((pairs, same, differing, surplus),) = engine.rows("""
        with home as (select distinct person, customer_id from owners where customer_id is not null),
        ours as (
            select h.person, i.event_type, count(*) as n from interactions as i join home as h on h.customer_id = i.customer_id
            where i.event_type in ('View', 'Click', 'AddToCart', 'AddToWishlist') group by h.person, i.event_type
        ),
        compared as (
            select coalesce(t.person, o.person) as person, coalesce(cast(t."count" as bigint), 0) as expected, coalesce(o.n, 0) as found
            from truth_behaviour as t full join ours as o on o.person = t.person and o.event_type = t.event_type
        )
        select count(*), count(*) filter (where expected = found),
            count(distinct person) filter (where expected <> found), coalesce(sum(found - expected), 0) from compared""")
    return [
        Figure("behaviour counts compared", pairs),
        Figure("behaviour counts that differ", pairs - same),
        Figure("people whose behaviour differs", differing, differing == 0),
        Figure("events too many, in all", int(surplus)),
    ]


def _shared_figure(engine: Engine) -> Figure:
    """Browsing whose only identifier is shared stands with nobody: there is no telling who stood there."""
    ((credited,),) = engine.rows("""
        select count(*) from interactions as i
        join (select distinct message_id, identifier_type, identifier_value from event_facts where len(other_identifiers) = 0) as f on f.message_id = i.message_id
        join shared_identifiers as s on s.identifier_type = f.identifier_type and s.identifier_value = f.identifier_value
        where i.event_type not in ('Purchase', 'Return')""")
    return Figure("browsing of shared identifiers credited to somebody", credited, credited == 0)

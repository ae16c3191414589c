"""What may stand in a campaign's rule: a condition in SQL over declared columns, and nothing that reads or calls anything else.

Here: the columns and the check of a rule's syntax tree. Not here: running it (``assets.audiences``). Checked as a tree and written again from
it, so that only what was understood reaches the engine.
"""

from __future__ import annotations

import difflib

from omnichannel_assets.yaml_files import FieldMistake

COLUMNS = {
    "churn_score": ("number", "probability of no purchase in the next CHURN_DAYS days; empty when nobody scored the customer"),
    "churn_band": ("text", "high, medium or low"),
    "repurchase_score": ("number", "probability of a purchase in the next REPURCHASE_DAYS days"),
    "repurchase_decile": ("integer", "1 (most likely to buy) to 10"),
    "subscription_churn_score": ("number", "probability that the subscription ends in the next CHURN_DAYS days"),
    "expected_spend": ("decimal", "expected spend in the next CHURN_DAYS days, in the currency of the orders"),
    "orders": ("integer", "orders so far, cancelled ones left out"),
    "lifetime_value": ("decimal", "spent so far, refunds taken off"),
    "days_since_order": ("number", "days since the newest order; empty without one"),
    "days_since_first_order": ("number", "days since the first order"),
    "days_since_seen": ("number", "days since the customer was last seen anywhere"),
    "preferred_channel": ("text", "online or store"),
    "preferred_store": ("text", "store of most store orders of the last 365 days"),
    "favourite_categories": ("text", "up to three categories, separated by ', '"),
    "country": ("text", "country of the address, as the shop writes it"),
    "devices": ("integer", "browsers and apps the customer was seen on"),
}
"""Column of ``campaign_people`` -> kind and meaning. No name and no address: a rule needs none."""
ALLOWED = (
    "And", "Or", "Not", "Paren", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Between", "In", "Is", "Null", "Boolean", "Like", "ILike", "Literal", "Column",
    "Identifier", "Add", "Sub", "Mul", "Div", "Neg", "Coalesce", "Lower", "Upper",
)  # fmt: skip
"""Parts of a condition, as the parser names them."""
LONGEST = 2_000
_FIX = "write a condition such as churn_band = 'high' and orders >= 2"


def checked_rule(text: str) -> str:
    """The rule, written anew from what was understood of it. Raises FieldMistake for anything but a condition over `COLUMNS`."""
    import sqlglot  # deferred: only who has campaigns of their own needs a parser at load

    if len(text) > LONGEST:
        raise FieldMistake("", f"{len(text)} characters", f"at most {LONGEST} characters", "shorten it")
    try:
        statements = sqlglot.parse(f"select 1 where ({text}\n)", read="duckdb")
    except sqlglot.errors.SqlglotError:
        raise FieldMistake("", text, "a condition in SQL", _FIX) from None
    told = {key: value for key, value in statements[0].args.items() if value} if len(statements) == 1 and statements[0] is not None else {}
    condition = told["where"].this if "where" in told else None
    if type(condition).__name__ != "Paren" or set(told) - {"kind", "expressions", "where"}:
        raise FieldMistake("", text, "a condition in SQL", _FIX)  # what closed our own parenthesis, or went on behind it
    for part in condition.walk():
        _allowed(part)
    return str(condition.this.sql(dialect="duckdb", comments=False))


def _allowed(part: object) -> None:
    kind = type(part).__name__
    if kind not in ALLOWED or (kind == "In" and part.args.get("query")):  # type: ignore[attr-defined]
        shown = part.sql(dialect="duckdb", comments=False)  # type: ignore[attr-defined]
        raise FieldMistake("", shown, "comparisons, and, or, not, in, between, like, is null, arithmetic, coalesce, lower and upper only", _FIX)
    if kind == "Column":
        name = part.name.lower()  # type: ignore[attr-defined]
        if name not in COLUMNS or part.table:  # type: ignore[attr-defined]
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {near[0]}?" if near else "see docs/campaigns.md"
            raise FieldMistake("", part.sql(), "columns of scores and customers", hint)  # type: ignore[attr-defined]

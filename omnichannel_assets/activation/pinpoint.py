"""The endpoint import file of Amazon Pinpoint and the request that imports it.

Belongs here: columns, row checks, the request checked against Pinpoint's model. Not here: the import itself (`pinpoint_import`); who is in the
file: the caller leaves out controls, opted-out and erased customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.csv_files import Problem, csv_bytes, first_problem, left_out
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.validation import validate

if TYPE_CHECKING:
    import pyarrow as pa

PLACEHOLDER_APPLICATION = "0" * 32
PLACEHOLDER_ROLE = "arn:aws:iam::000000000000:role/pinpoint-import"
"""Stand where nobody set an id: the request is a file for a person to complete, and has to be well-formed."""
VALUE_CHARACTERS = 100
ENDPOINT_PREFIX = "email-"
TEXTS = ("customer_id", "email", "first_name", "churn_band", "pick_1", "pick_2", "pick_3", "country")
ATTRIBUTES = ("customer_id", "first_name", "churn_band", "pick_1", "pick_2", "pick_3")
HEADER = (
    "ChannelType",
    "Address",
    "Id",
    "User.UserId",
    "User.UserAttributes.FirstName",
    "User.UserAttributes.ChurnBand",
    *("Attributes.TopPicks",) * 3,
    "Metrics.ChurnScore",
    "Location.Country",
    "OptOut",
)
FURTHER = {
    "repurchase_score": "Metrics.RepurchaseScore",
    "repurchase_decile": "Metrics.RepurchaseDecile",
    "subscription_churn_score": "Metrics.SubscriptionChurnScore",
    "expected_spend": "Metrics.ExpectedSpend",
    "variant": "Attributes.Variant",
}


def endpoint_csv(rows: pa.Table, campaign: Campaign | None = None) -> tuple[bytes, list[Outcome]]:
    """The file, sorted by customer, and the rows that are not in it, as `checked` has them.

    Every file has the columns of `HEADER`; what else a campaign tells Pinpoint, and its sub-group, are columns behind them.
    """
    import pyarrow as pa

    good, rejected = checked(rows, campaign)
    count = good.num_rows
    columns = [
        pa.repeat(pa.scalar("EMAIL"), count),
        good["email"],
        _prefixed(ENDPOINT_PREFIX, good["customer_id"]),
        good["customer_id"],
        *(good[name] for name in ("first_name", "churn_band", "pick_1", "pick_2", "pick_3", "churn_score", "country")),
        pa.repeat(pa.scalar("NONE"), count),
        *(good[name] for name in _further(campaign)),
    ]
    names = [str(number) for number in range(len(columns))]  # three columns have one name, which a table cannot
    header = (*HEADER, *_further(campaign).values())
    return csv_bytes(header, pa.table(columns, names=names), "doubled"), rejected


def _further(campaign: Campaign | None) -> dict[str, str]:
    """Column of ``campaign_members`` -> column of the file, of what a campaign tells beyond `HEADER`."""
    if campaign is None:
        return {}
    told = (*campaign.channels.get("pinpoint", ()), *(("variant",) if campaign.variants else ()))
    return {name: FURTHER[name] for name in told if name in FURTHER}


def checked(rows: pa.Table, campaign: Campaign | None = None) -> tuple[pa.Table, list[Outcome]]:
    """The rows that Pinpoint can take, sorted by customer, and the others as rejected (key: customer_id).

    Reads customer_id, email, first_name, churn_band, churn_score, country, pick_1 to pick_3 and what the campaign tells besides. Raises ValueError
    when a column is missing.
    """
    further = _further(campaign)
    metrics = [name for name, column in further.items() if column.startswith("Metrics.")]
    ready = texts_and_numbers(rows, [*TEXTS, *(name for name in further if name not in metrics)], ["churn_score", *metrics])
    words = first_problem([*_problems(ready), *same_customer_twice(ready)])
    return ready.filter(words.is_null()).sort_by("customer_id"), left_out(ready, ("customer_id",), words)


def texts_and_numbers(rows: pa.Table, texts: Sequence[str], numbers: Sequence[str]) -> pa.Table:
    """The named columns as text, empty as null, and as numbers: whole ones as they are, all others as float."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = [name for name in (*texts, *numbers) if name not in rows.column_names]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    columns = {name: rows[name].cast(pa.string()) for name in texts}
    columns = {name: pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for name, column in columns.items()}
    return pa.table({**columns, **{name: _number(rows[name]) for name in numbers}})


def _number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    if pa.types.is_integer(values.type):
        return values
    # By way of text: the direct cast of a decimal is not exact.
    return (values.cast(pa.string()) if pa.types.is_decimal(values.type) else values).cast(pa.float64())


def same_customer_twice(rows: pa.Table) -> list[Problem]:
    """Every row of a customer who has several: which one holds cannot be told."""
    import pyarrow.compute as pc

    counts = rows.group_by("customer_id").aggregate([("customer_id", "count")])
    several = counts.filter(pc.greater(counts["customer_id_count"], 1))["customer_id"]
    return [Problem(pc.is_in(rows["customer_id"], value_set=several.combine_chunks()), "customer_id: in several rows")]


def addresses(rows: pa.Table) -> list[Problem]:
    """What is wrong with customer_id and email."""
    import pyarrow.compute as pc

    return [
        Problem(rows["customer_id"].is_null(), "customer_id: empty"),
        Problem(pc.match_substring_regex(rows["customer_id"], r"[\s\pZ]"), "customer_id: holds a blank"),
        Problem(rows["email"].is_null(), "email: empty"),
        Problem(pc.invert(pc.match_substring_regex(rows["email"], r"^[^\s\pZ@]+@[^\s\pZ@]+$")), "email: no address"),
    ]


def _problems(rows: pa.Table) -> list[Problem]:
    import pyarrow.compute as pc

    return [
        *addresses(rows),
        *(Problem(pc.match_substring_regex(rows[name], r"[\t\r\n]"), f"{name}: holds a tab or line break") for name in TEXTS),
        *(Problem(pc.greater(pc.utf8_length(rows[name]), VALUE_CHARACTERS), f"{name}: more than {VALUE_CHARACTERS} characters") for name in ATTRIBUTES),
        Problem(pc.invert(pc.match_substring_regex(rows["country"], r"^[A-Z]{2}$")), "country: no ISO 3166-1 alpha-2 code"),
        Problem(pc.invert(pc.is_finite(rows["churn_score"])), "churn_score: no finite number"),
    ]


def endpoint_id(customer_id: str) -> str:
    """The id of a customer's endpoint: always the same, so that an import changes the endpoint and makes no second one."""
    return f"{ENDPOINT_PREFIX}{customer_id}"


def _prefixed(prefix: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(prefix, values, "")


def import_job_request(application_id: str, role_arn: str, s3_url: str, segment_name: str) -> dict[str, Any]:
    """The CreateImportJob request for a folder of such files. Raises InvalidRequest when Pinpoint's model refuses it."""
    request = {
        "ApplicationId": application_id,
        "ImportJobRequest": {
            "Format": "CSV",
            "RoleArn": role_arn,
            "S3Url": s3_url,
            "DefineSegment": True,
            "RegisterEndpoints": True,
            "SegmentName": segment_name,
        },
    }
    validate("pinpoint", "CreateImportJob", request)
    return request

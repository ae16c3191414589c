"""What Amazon Connect Customer Profiles is given of a campaign: the rows as file and as objects, and the requests that describe them.

Belongs here: columns, row checks, requests checked against the service's model. Not here: sending them (`connect_uploads`, `connect_objects`,
`connect_segments`, `connect_campaigns`); who is in a campaign: the caller leaves out controls, opted-out and erased customers, and nothing says
which arm a customer is in. One attribute of a profile, named after the campaign, says `MEMBER` or `LEFT`; a segment is who has the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.csv_files import Problem, csv_bytes, first_problem, left_out
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import addresses, same_customer_twice, texts_and_numbers
from omnichannel_assets.activation.validation import validate

if TYPE_CHECKING:
    import pyarrow as pa

CHANNEL = "connect"
VALUE_CHARACTERS = 255
ID_PATTERN = r"^[a-zA-Z0-9_-]{1,64}$"
"""What may name a row of a batch."""
EXPIRY_DAYS = 90
"""The service's own default of 14 days would have profiles vanish between two campaigns."""
MEMBER, LEFT = "yes", "no"
"""A leaver is told by a value, not by an empty one: whether an empty field clears an attribute is not documented."""
PEOPLE = ("customer_id", "email", "first_name", "country")
STANDARD_FIELDS = {
    "email": ("_profile.EmailAddress", "EMAIL_ADDRESS"),
    "first_name": ("_profile.FirstName", "NAME"),
    "country": ("_profile.Address.Country", "STRING"),
    "customer_id": ("_profile.Attributes.customer_id", "STRING"),
}
NUMBERS = ("churn_score", "repurchase_score", "repurchase_decile", "subscription_churn_score", "expected_spend")
MEMBERSHIP = "member"


def columns(campaign: Campaign) -> tuple[str, ...]:
    """The columns of a campaign's file, which are the fields of its objects: who somebody is, what the campaign tells Connect, and membership."""
    variant = ("variant",) if campaign.variants else ()
    return (*PEOPLE, *campaign.channels[CHANNEL], *variant, "entered_on", MEMBERSHIP)


def checked(rows: pa.Table, campaign: Campaign) -> tuple[pa.Table, list[Outcome]]:
    """The rows that Connect can take, sorted by customer, and the others as rejected (key: customer_id).

    Reads the columns of ``campaign_members`` that `columns` names. Raises ValueError when one is missing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    told = columns(campaign)[:-1]
    texts, numbers = [name for name in told if name not in NUMBERS], [name for name in told if name in NUMBERS]
    ready = texts_and_numbers(rows, texts, numbers)
    problems = [
        *addresses(ready),
        Problem(pc.invert(pc.match_substring_regex(ready["customer_id"], ID_PATTERN)), "customer_id: not 1 to 64 letters, digits, - and _"),
        *(Problem(pc.greater(pc.utf8_length(ready[name]), VALUE_CHARACTERS), f"{name}: more than {VALUE_CHARACTERS} characters") for name in texts),
        *(Problem(pc.invert(pc.is_finite(ready[name])), f"{name}: no finite number") for name in numbers),
        *same_customer_twice(ready),
    ]
    words = first_problem(problems)
    good = ready.filter(words.is_null()).sort_by("customer_id")
    good = good.append_column(MEMBERSHIP, pa.repeat(pa.scalar(MEMBER), good.num_rows))
    return good.select(columns(campaign)), left_out(ready, ("customer_id",), words)


def upload_csv(rows: pa.Table, campaign: Campaign) -> tuple[bytes, list[Outcome]]:
    """The file of an upload, and the rows that are not in it, as `checked` has them."""
    good, rejected = checked(rows, campaign)
    return csv_bytes(columns(campaign), good, "doubled"), rejected


def profile_objects(good: pa.Table) -> dict[str, str]:
    """Customer id -> the object to put, as text; of rows that `checked` gave. What is missing is empty text, as in the file."""
    rows = ({name: "" if value is None else value for name, value in row.items()} for row in good.to_pylist())
    return {row["customer_id"]: _as_text(row) for row in rows}


def leaving_object(customer_id: str) -> str:
    """The object that takes a customer out of a campaign. It holds nothing else, and replaces the one that put them in."""
    return _as_text({"customer_id": customer_id, MEMBERSHIP: LEFT})


def _as_text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def object_type(name: str) -> str:
    """The object type of a campaign: one each, because a put replaces the whole object of a customer."""
    return f"campaign_{name}"


def membership_attribute(name: str) -> str:
    """The attribute of a profile that says whether it is in a campaign."""
    return f"campaign_{name}"


def object_type_request(domain: str, campaign: Campaign) -> dict[str, Any]:
    """The PutProfileObjectType request. Profiles are found by customer_id, and made where there is none. Raises InvalidRequest."""
    request = {
        "DomainName": domain,
        "ObjectTypeName": object_type(campaign.name),
        "Description": f"Who is in the campaign {campaign.name}, with what its messages say",
        "AllowProfileCreation": True,
        "ExpirationDays": EXPIRY_DAYS,
        "Fields": _fields(campaign),
        "Keys": {"customer_id": [{"StandardIdentifiers": ["PROFILE", "UNIQUE"], "FieldNames": ["customer_id"]}]},
    }
    validate("customer-profiles", "PutProfileObjectType", request)
    return request


def upload_job_request(domain: str, campaign: Campaign, display_name: str) -> dict[str, Any]:
    """The CreateUploadJob request for such a file. Raises InvalidRequest when the service's model refuses it."""
    request = {
        "DomainName": domain,
        "DisplayName": display_name,
        "UniqueKey": "customer_id",
        "DataExpiry": EXPIRY_DAYS,
        "Fields": _fields(campaign),
    }
    validate("customer-profiles", "CreateUploadJob", request)
    return request


def _fields(campaign: Campaign) -> dict[str, dict[str, str]]:
    return {name: _field(campaign, name) for name in columns(campaign)}


def _field(campaign: Campaign, name: str) -> dict[str, str]:
    """A campaign's own attributes have its name before them, so that one campaign never clears what another told."""
    own = membership_attribute(campaign.name) if name == MEMBERSHIP else f"{campaign.name}_{name}"
    target, kind = STANDARD_FIELDS.get(name, (f"_profile.Attributes.{own}", "NUMBER" if name in NUMBERS else "STRING"))
    return {"Source": f"_source.{name}", "Target": target, "ContentType": kind}


def segment_name(name: str, as_of: date) -> str:
    """The name of a campaign's segment of a date. There is no editing a definition, so each date that changes somebody has its own."""
    return f"{name}-{as_of}"


def segment_groups(name: str) -> dict[str, Any]:
    """The condition of a campaign's segment: who is a member."""
    chosen = {membership_attribute(name): {"DimensionType": "INCLUSIVE", "Values": [MEMBER]}}
    return {"Include": "ALL", "Groups": [{"Type": "ALL", "SourceType": "ALL", "Dimensions": [{"ProfileAttributes": {"Attributes": chosen}}]}]}


def segment_definition_request(domain: str, name: str, as_of: date) -> dict[str, Any]:
    """The CreateSegmentDefinition request for a campaign's members. Raises InvalidRequest as `upload_job_request`."""
    named = segment_name(name, as_of)
    request = {"DomainName": domain, "SegmentDefinitionName": named, "DisplayName": named, "SegmentGroups": segment_groups(name)}
    validate("customer-profiles", "CreateSegmentDefinition", request)
    return request

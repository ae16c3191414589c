"""The profile upload file of Amazon Connect Customer Profiles, and the requests that would import it and make a segment of it.

Belongs here: columns, row checks, requests checked against the service's model. Not here: who is in the file; the caller leaves out controls,
opted-out and erased customers, and no column says which arm a customer is in.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.csv_files import Problem, csv_bytes, first_problem, left_out
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.pinpoint import addresses, same_customer_twice, texts_and_score
from omnichannel_assets.activation.validation import validate

if TYPE_CHECKING:
    import pyarrow as pa

VALUE_CHARACTERS = 255
EXPIRY_DAYS = 90
"""The service's own default of 14 days would have profiles vanish between two campaigns."""
TEXTS = ("customer_id", "email", "first_name", "churn_band", "pick_1", "pick_2", "pick_3")
HEADER = ("customer_id", "email", "first_name", "churn_band", "churn_score", "win_back", "pick_1", "pick_2", "pick_3")
STANDARD_FIELDS = {"email": ("_profile.EmailAddress", "EMAIL_ADDRESS"), "first_name": ("_profile.FirstName", "NAME")}


def upload_csv(rows: pa.Table, as_of: date) -> tuple[bytes, list[Outcome]]:
    """The file, sorted by customer, and the rows that are not in it (key: customer_id). ``win_back`` holds the as-of date.

    Reads customer_id, email, first_name, churn_band, churn_score, pick_1 to pick_3. Raises ValueError when a column is missing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ready = texts_and_score(rows, TEXTS)
    problems = [
        *addresses(ready),
        *(Problem(pc.greater(pc.utf8_length(ready[name]), VALUE_CHARACTERS), f"{name}: more than {VALUE_CHARACTERS} characters") for name in TEXTS),
        Problem(pc.invert(pc.is_finite(ready["churn_score"])), "churn_score: no finite number"),
        *same_customer_twice(ready),
    ]
    words = first_problem(problems)
    good = ready.filter(words.is_null()).sort_by("customer_id")
    good = good.append_column("win_back", pa.repeat(pa.scalar(as_of.isoformat()), good.num_rows))
    return csv_bytes(HEADER, good.select(HEADER), "doubled"), left_out(ready, ("customer_id",), words)


def upload_job_request(domain: str, display_name: str) -> dict[str, Any]:
    """The CreateUploadJob request for such a file. Raises InvalidRequest when the service's model refuses it."""
    request = {
        "DomainName": domain,
        "DisplayName": display_name,
        "UniqueKey": "customer_id",
        "DataExpiry": EXPIRY_DAYS,
        "Fields": {name: _field(name) for name in HEADER},
    }
    validate("customer-profiles", "CreateUploadJob", request)
    return request


def _field(name: str) -> dict[str, str]:
    target, kind = STANDARD_FIELDS.get(name, (f"_profile.Attributes.{name}", "NUMBER" if name == "churn_score" else "STRING"))
    return {"Source": f"_source.{name}", "Target": target, "ContentType": kind}


def segment_definition_request(domain: str, name: str, as_of: date) -> dict[str, Any]:
    """The CreateSegmentDefinition request for everyone uploaded with this as-of date. Raises InvalidRequest as `upload_job_request`."""
    chosen = {"win_back": {"DimensionType": "INCLUSIVE", "Values": [as_of.isoformat()]}}
    group = {"Type": "ALL", "SourceType": "ALL", "Dimensions": [{"ProfileAttributes": {"Attributes": chosen}}]}
    request = {
        "DomainName": domain,
        "SegmentDefinitionName": name,
        "DisplayName": name,
        "SegmentGroups": {"Include": "ALL", "Groups": [group]},
    }
    validate("customer-profiles", "CreateSegmentDefinition", request)
    return request

"""The recorded runs of Connect and Pinpoint: two dates of a campaign and a deletion at the one, an import and a deletion at the other.

Here: what is done, in order, as deliveries do it, with three made-up customers. Not here: running it and drawing it (``sequences``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.aws_clients import aws_client
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import checked, leaving_object, profile_objects, upload_csv
from omnichannel_assets.activation.connect_campaigns import Outbound, point_campaign
from omnichannel_assets.activation.connect_deletion import delete_profiles
from omnichannel_assets.activation.connect_domain import Caller, Domain, ensure_domain, ensure_object_type
from omnichannel_assets.activation.connect_objects import put_objects
from omnichannel_assets.activation.connect_segments import ensure_segment, estimated_size
from omnichannel_assets.activation.connect_uploads import upload
from omnichannel_assets.activation.pinpoint import PLACEHOLDER_APPLICATION, PLACEHOLDER_ROLE, endpoint_csv
from omnichannel_assets.activation.pinpoint_import import delete_endpoints, import_endpoints
from omnichannel_assets.activation.polling import Poll

if TYPE_CHECKING:
    from omnichannel_assets.sandbox import Sandbox

Step = tuple[str, Callable[[], object]]
CONNECT = {"customer-profiles": "Customer Profiles", "s3": "address of the upload", "connectcampaignsv2": "Outbound campaigns"}
PINPOINT = {"pinpoint": "Pinpoint (sandbox)"}
FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
CAMPAIGN = Campaign("win_back", "Win back", "churn_band = 'high'", {"connect": ("churn_score", "churn_band", "pick_1", "pick_2", "pick_3")})


def caller(sandbox: Sandbox, service: str) -> Caller:
    """A service of a sandbox, looked at without waiting in between."""
    client = aws_client(service, region="us-east-1", endpoint_url=sandbox.url, access_key_id="sandbox", secret_access_key="sandbox")
    return Caller(client, service, poll=Poll(sleep=lambda seconds: None))


def _people(*numbers: int) -> Any:
    import pyarrow as pa

    row = {"first_name": "Ana", "country": "ES", "churn_score": 0.87, "churn_band": "high", "pick_1": "P-1", "pick_2": "P-2", "pick_3": "P-3"}
    return pa.Table.from_pylist([{"customer_id": f"c_{number}", "email": f"{number}@example.com", "entered_on": str(FIRST), **row} for number in numbers])


def connect_steps(sandbox: Sandbox) -> Iterator[Step]:
    """Two dates of a campaign, the first by file, the second by row, with one row refused and one person deleted in the end."""
    domain, campaigns, name = Domain(caller(sandbox, "customer-profiles"), "shop"), caller(sandbox, "connectcampaignsv2"), CAMPAIGN.name
    template = "arn:aws:wisdom:us-east-1:000000000000:message-template/kb/template"
    outbound = Outbound(instance_id="instance", source_email="shop@example.com", template_arn=template, starts=True)
    changed = profile_objects(checked(_people(2, 3), CAMPAIGN)[0])

    def file(day: date, *numbers: int) -> None:
        upload(domain, CAMPAIGN, f"{name}-{day}", upload_csv(_people(*numbers), CAMPAIGN)[0], most_failed_share=0.01)

    def point(day: date) -> None:
        segment = ensure_segment(domain, name, day)
        estimated_size(domain, name)
        point_campaign(campaigns, outbound, name, segment)

    def rows() -> None:
        sandbox.faults.add("customer-profiles", "refuse", operation="BatchPutProfileObject", messages=("c_3",))
        list(put_objects(domain, name, {"c_1": leaving_object("c_1")}))
        list(put_objects(domain, name, changed))

    yield "domain and object type, made once", lambda: (ensure_domain(domain, may_create=True), ensure_object_type(domain, CAMPAIGN))
    yield "first date: many profiles changed, one file", lambda: file(FIRST, 1, 2, 3)
    yield "segment, its size, the outbound campaign made and started", lambda: point(FIRST)
    yield "next date: who leaves, then few changes row by row, one refused", rows
    yield "a new segment, the same outbound campaign", lambda: point(SECOND)
    yield "somebody is deleted", lambda: delete_profiles(domain, ["c_1"])


def pinpoint_steps(sandbox: Sandbox) -> Iterator[Step]:
    """One import with its job's states, and the deletion of an endpoint."""
    pinpoint, key = caller(sandbox, "pinpoint"), "pinpoint/win_back/part-0000.csv"

    def imported() -> None:
        path = sandbox.folder / "s3" / key
        path.parent.mkdir(parents=True)
        path.write_bytes(endpoint_csv(_people(1, 2, 3))[0])
        place = {"s3_url": f"s3://sandbox/{key}", "segment_name": f"win_back-{FIRST}"}
        import_endpoints(pinpoint, ["c_1", "c_2", "c_3"], application_id=PLACEHOLDER_APPLICATION, role_arn=PLACEHOLDER_ROLE, **place)

    yield "the file of a date is imported, its job looked at until COMPLETED", imported
    yield "somebody is deleted", lambda: delete_endpoints(pinpoint, ["c_1"], PLACEHOLDER_APPLICATION)

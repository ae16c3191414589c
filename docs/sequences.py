"""The sequence diagrams of the pages: what a recorded run asked of each service, in order, read from the sandbox's own request log.

``python -m docs.sequences`` runs each recording anew and writes its diagram into its page; a test fails when a page shows another run.
A recording speaks to a sandbox as deliveries do, with three made-up customers. Another service is another entry of `RECORDINGS`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from omnichannel_assets.activation.aws_clients import aws_client
from omnichannel_assets.activation.campaigns import Campaign
from omnichannel_assets.activation.connect import checked, leaving_object, profile_objects, upload_csv
from omnichannel_assets.activation.connect_campaigns import Outbound, point_campaign
from omnichannel_assets.activation.connect_deletion import delete_profiles
from omnichannel_assets.activation.connect_domain import Caller, Domain, ensure_domain, ensure_object_type
from omnichannel_assets.activation.connect_objects import put_objects
from omnichannel_assets.activation.connect_segments import ensure_segment, estimated_size
from omnichannel_assets.activation.connect_uploads import upload
from omnichannel_assets.activation.personalize_import import Poll
from omnichannel_assets.activation.pinpoint import PLACEHOLDER_APPLICATION, PLACEHOLDER_ROLE, endpoint_csv
from omnichannel_assets.activation.pinpoint_import import delete_endpoints, import_endpoints
from omnichannel_assets.sandbox import Sandbox

DOCS = Path(__file__).resolve().parent
Request = Mapping[str, Any]
Step = tuple[str, Callable[[], object]]
FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
CAMPAIGN = Campaign("win_back", "Win back", "churn_band = 'high'", {"connect": ("churn_score", "churn_band", "pick_1", "pick_2", "pick_3")})


@dataclass(frozen=True)
class Recording:
    """A run and where it is shown. ``services``: name in the request log -> name in the diagram, in its order from left to right."""

    page: str
    services: Mapping[str, str]
    steps: Callable[[Sandbox], Iterator[Step]]


def diagram(steps: Iterable[tuple[str, list[Request]]], services: Mapping[str, str]) -> str:
    """A Mermaid sequence diagram. A request that is repeated at once is one arrow with its number; an answer is shown where it is no plain success."""
    lines = ["sequenceDiagram", "    participant omnichannel", *(f"    participant {_id(name)} as {title}" for name, title in services.items())]
    for words, requests in steps:
        told = words.replace(";", ",")  # a semicolon would end the line
        lines.append(f"    Note over omnichannel: {told}")
        for (service, operation, status, refused), same in groupby(requests, key=_seen):
            count = len(list(same))
            lines.append(f"    omnichannel->>{_id(service)}: {operation}" + (f" ({count} times)" if count > 1 else ""))
            answer = str(status) if status >= 300 else f"{refused} refused" if refused else ""
            lines += [f"    {_id(service)}-->>omnichannel: {answer}"] if answer else []
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def _seen(request: Request) -> tuple[str, str, int, int]:
    return request["service"], request["operation"], request["status"], request.get("rejected", 0)


def _id(service: str) -> str:
    return service.replace("-", "_")


def recorded(recording: Recording) -> str:
    """The diagram of a run made now, in a sandbox of its own."""
    with tempfile.TemporaryDirectory() as folder, Sandbox.start(folder) as sandbox:
        told, seen = [], 0
        for words, step in recording.steps(sandbox):
            step()
            requests = sandbox.inbox.requests()
            told.append((words, requests[seen:]))
            seen = len(requests)
    return diagram(told, recording.services)


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


RECORDINGS = {
    "connect": Recording(
        "connect-and-pinpoint.md",
        {"customer-profiles": "Customer Profiles", "s3": "address of the upload", "connectcampaignsv2": "Outbound campaigns"},
        connect_steps,
    ),
    "pinpoint": Recording("connect-and-pinpoint.md", {"pinpoint": "Pinpoint (sandbox)"}, pinpoint_steps),
}


def with_diagram(page: str, name: str, made: str) -> str:
    """A page's text with a recording's diagram between its markers. Raises ValueError when the page has none."""
    begin, end = f"<!-- sequence {name}: made by `python -m docs.sequences` -->", f"<!-- end of sequence {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"expected a place for the sequence {name}, marked {begin} and {end}")
    return f"{before}{begin}\n{made}\n{end}{after}"


def main() -> None:
    """Write every diagram anew."""
    for name, recording in RECORDINGS.items():
        path = DOCS / recording.page
        path.write_text(with_diagram(path.read_text(encoding="utf-8"), name, recorded(recording)), encoding="utf-8")


if __name__ == "__main__":
    main()

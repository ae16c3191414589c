"""The sequence diagrams of the pages: what a recorded run asked of each service, in order, read from the sandbox's own request log.

``python -m docs.sequences`` runs each recording anew and writes its diagram into its page; a test fails when a page shows another run.
Another service is another entry of `RECORDINGS`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from docs.sequence_connect import CONNECT, PINPOINT, connect_steps, pinpoint_steps
from docs.sequence_personalize import SERVICES as PERSONALIZE
from docs.sequence_personalize import personalize_steps
from omnichannel_assets.sandbox import Sandbox

DOCS = Path(__file__).resolve().parent
Request = Mapping[str, Any]
Step = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Recording:
    """A run and where it is shown. ``services``: name in the request log -> name in the diagram, in its order from left to right."""

    page: str
    services: Mapping[str, str]
    steps: Callable[[Sandbox], Iterator[Step]]


def diagram(steps: Iterable[tuple[str, list[Request]]], services: Mapping[str, str]) -> str:
    """A Mermaid sequence diagram. A request that is repeated at once is one arrow with its number; an answer is shown where it is no plain success."""
    # A semicolon would end a line of Mermaid.
    lines = ["sequenceDiagram", "    participant omnichannel", *(f"    participant {_id(name)} as {title}" for name, title in services.items())]
    for words, requests in steps:
        told = words.replace(";", ",")
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


RECORDINGS = {
    "connect": Recording("connect-and-pinpoint.md", CONNECT, connect_steps),
    "pinpoint": Recording("connect-and-pinpoint.md", PINPOINT, pinpoint_steps),
    "personalize": Recording("personalize.md", PERSONALIZE, personalize_steps),
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

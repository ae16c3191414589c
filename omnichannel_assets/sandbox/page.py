"""The sandbox's page: what each service received, for a person's eyes.

Belongs here: the HTML. Not here: the counts themselves (`overview`). Everything received is hostile: it is escaped, letters that do not show are
spelled out, and the page may load and run nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from omnichannel_assets.sandbox.overview import Campaign, Overview, Service

LONGEST = 1_500
"""Characters shown of one record."""
MOST_JOBS = 200
INTRODUCTION = """Stand-ins on this machine; nothing here left it. Load the page again to see more.
For programs: <a href=/_sandbox/inbox>counts</a> and <a href=/_sandbox/faults>faults</a>."""
STYLE = """
:root{color-scheme:light dark;--ground:#fff;--raised:#f5f6f8;--ink:#1c2127;--quiet:#5f6b7c;--line:#d8dce2;--good:#1c7a4a;--bad:#b3261e;--link:#1a5fb4}
@media(prefers-color-scheme:dark){:root{--ground:#15181c;--raised:#1f242a;--ink:#e6e9ed;--quiet:#9aa5b1;--line:#363d46;--good:#62c48f;--bad:#ff8a80;--link:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1.25rem 4rem;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.25rem 0 .5rem}
p{margin:.25rem 0 .75rem;max-width:46rem}.quiet{color:var(--quiet)}a{color:var(--link)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.75rem;margin:1.25rem 0}
.card{background:var(--raised);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.card b{display:block;font-size:1.6rem;line-height:1.2;font-variant-numeric:tabular-nums}.card span{overflow-wrap:anywhere}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .75rem;border-bottom:1px solid var(--line)}
tr:last-child>td{border-bottom:0}th{color:var(--quiet);font-weight:600;white-space:nowrap}td{overflow-wrap:break-word}
ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.1rem 1rem;margin:.5rem 0 .25rem;padding:0;list-style:none}li{overflow-wrap:anywhere}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.good{color:var(--good)}.bad{color:var(--bad)}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.5rem .75rem}summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}
pre{margin:.35rem 0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.45 ui-monospace,monospace}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def page(seen: Overview, faults: Sequence[str] = ()) -> str:
    """The whole page."""
    parts = [
        "<h1>What the channels received</h1>",
        f"<p class=quiet>{INTRODUCTION}</p>",
        _cards(seen),
        _section("Campaigns", "Traits that are true or false, as Segment holds them now.", "".join(map(_campaign, seen.campaigns))),
        _section("Channels", "", _table(("Channel", "Accepted", "Repeated", "Refused"), [_counts(service) for service in seen.services])),
        _section("Data sets", "Rows that were imported in bulk.", _table(("Data set", "Rows"), [(_shown(name), _number(rows)) for name, rows in seen.datasets.items()])),
        _section("Jobs and resources", "", _table(("Kept in", "Name", "State"), [(_shown(where), _shown(name), _state(state)) for where, name, state in seen.jobs[-MOST_JOBS:][::-1]])),
        _section("Faults in force", "", "".join(f"<pre>{_shown(fault)}</pre>" for fault in faults)),
        _section("Requests", "All, by operation and answer; 0 is no answer.", _table(("Service", "Operation", "Answer", "Requests"), _requests(seen))),
        _section("Newest requests", "", _table(("Service", "Operation", "Answer", "Accepted", "Refused", "Fault"), map(_request, seen.newest_requests))),
        *(_newest(service) for service in seen.services),
    ]
    head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
    return f"{head}<title>Sandbox: what the channels received</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"


def _cards(seen: Overview) -> str:
    cards = [(service.accepted, f"accepted by {service.name}") for service in seen.services]
    cards += [(seen.profiles, "people at Segment"), (sum(service.refused for service in seen.services), "refused"), (seen.requests.total(), "requests")]
    return "<div class=cards>" + "".join(f"<div class=card><b>{_number(count)}</b><span>{_shown(name)}</span></div>" for count, name in cards) + "</div>"


def _section(title: str, words: str, content: str) -> str:
    """A part of the page; nothing where there is no content."""
    return f"<h2>{title}</h2>" + (f"<p class=quiet>{words}</p>" if words else "") + content if content else ""


def _table(names: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells that are finished HTML, below their names; figures stand right."""
    listed = list(rows)
    if not listed:
        return ""
    kinds = [" class=number" if _is_number(cell) else "" for cell in listed[0]]
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(names, kinds, strict=True))
    body = "".join("<tr>" + "".join(f"<td{' class=number' if _is_number(cell) else ''}>{cell}</td>" for cell in row) + "</tr>" for row in listed)
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit()


def _campaign(campaign: Campaign) -> str:
    people = "<ul>" + "".join(f"<li>{_shown(person)}</li>" for person in campaign.people) + "</ul>"
    shown = f"{len(campaign.people)} of {_number(campaign.members)}, newest" if campaign.members > len(campaign.people) else "Newest"
    more = f"<p class=quiet>{shown} first, by the id that was sent.</p>"
    return (
        f"<details><summary>{_shown(campaign.trait)}: {_number(campaign.members)} {'person' if campaign.members == 1 else 'people'} in it, "
        f"{_number(campaign.taken_out)} taken out</summary>{more}{people}</details>"
    )


def _counts(service: Service) -> tuple[str, ...]:
    return _shown(service.name), _number(service.accepted), _number(service.duplicates), _number(service.refused)


def _requests(seen: Overview) -> list[tuple[str, ...]]:
    return [(_shown(service), _shown(operation), _answer(status), _number(count)) for (service, operation, status), count in sorted(seen.requests.items())]


def _request(record: dict[str, Any]) -> tuple[str, ...]:
    counts = (_number(record[name]) if isinstance(record.get(name), int) else "" for name in ("accepted", "rejected"))
    return _shown(record.get("service")), _shown(record.get("operation")), _answer(record.get("status")), *counts, _shown(record.get("fault") or "")


def _answer(status: object) -> str:
    is_good = isinstance(status, int) and 200 <= status < 300
    return f"<span class={'good' if is_good else 'bad'}>{_shown(status or 'no answer')}</span>"


def _state(state: str) -> str:
    kind = "bad" if any(word in state.upper() for word in ("FAIL", "INVALID", "NOT READABLE", "CANCEL")) else "good"
    return f"<span class={kind}>{_shown(state)}</span>"


def _newest(service: Service) -> str:
    found = ""
    for title, records in (("accepted", service.newest), ("refused", service.newest_refused)):
        if records:
            lines = "".join(f"<pre>{_shown(json.dumps(record, ensure_ascii=False))}</pre>" for record in records)
            found += f"<details><summary>{_shown(service.name)}: the newest {len(records)} {title}</summary>{lines}</details>"
    return found


def _number(count: int) -> str:
    return f"{count:,}"


def _shown(value: object) -> str:
    """Text that only shows: no markup, no letters that hide or turn others around, no more than fits."""
    text = str(value)
    cut = text[:LONGEST] + ("..." if len(text) > LONGEST else "")
    return escape("".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in cut))

"""The sandbox's page: what each service received, for a person's eyes.

Belongs here: the HTML. Not here: the counts themselves (`inbox`).
"""

from __future__ import annotations

import json
from html import escape

from omnichannel_assets.sandbox.inbox import SERVICES, Inbox

LAST = 20
STYLE = "body{font:15px sans-serif;margin:2em;max-width:70em}td,th{text-align:left;padding:.2em .8em;border-bottom:1px solid #ddd}pre{margin:0;white-space:pre-wrap}"


def page(inbox: Inbox) -> str:
    """The whole page; everything received is escaped."""
    summary = inbox.summary()
    counts = "".join(
        f"<tr><th>{service}</th><td>{summary[service]['accepted']}</td><td>{summary[service]['duplicates']}</td><td>{summary[service]['rejected']}</td></tr>"
        for service in SERVICES
    )
    datasets = "".join(f"<li>{escape(name)}: {count} rows</li>" for name, count in summary["datasets"].items()) or "<li>none yet</li>"
    latest = "".join(_latest(service, inbox) for service in SERVICES)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Sandbox inbox</title><style>{STYLE}</style><h1>What the stand-ins received</h1>"
        "<p>Nothing here left this machine. The same counts as JSON: <a href=/_sandbox/inbox>/_sandbox/inbox</a></p>"
        f"<table><tr><th>service<th>accepted<th>duplicates<th>rejected</tr>{counts}</table>"
        f"<p>{summary['requests']} requests.</p><h2>Personalize datasets</h2><ul>{datasets}</ul>{latest}</html>"
    )


def _latest(service: str, inbox: Inbox) -> str:
    rows = "".join(_row(json.dumps(message, ensure_ascii=False)) for message in reversed(inbox.messages(service)[-LAST:]))
    refused = "".join(_row(json.dumps(message, ensure_ascii=False)) for message in reversed(inbox.rejected(service)[-LAST:]))
    return (
        f"<h2>{service}: the last {LAST}</h2><table>{rows or '<tr><td>nothing yet'}</table>"
        + (f"<h3>{service}: refused</h3><table>{refused}</table>" if refused else "")
    )


def _row(text: str) -> str:
    return f"<tr><td><pre>{escape(text[:2_000].encode('utf-8', 'replace').decode())}</pre></td></tr>"

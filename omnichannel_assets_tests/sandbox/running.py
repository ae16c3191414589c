"""A sandbox for one test, and what calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import requests

from omnichannel_assets.activation.aws_clients import aws_client
from omnichannel_assets.activation.personalize_files import write_csv
from omnichannel_assets.activation.personalize_schemas import INTERACTIONS, ITEMS, USERS
from omnichannel_assets.activation.polling import Poll
from omnichannel_assets.sandbox import Sandbox

ROLE = "arn:aws:iam::000000000000:role/import"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = Poll(sleep=lambda seconds: None)


@dataclass
class Clients:
    """boto3 clients of one sandbox, made when first used."""

    url: str
    attempts: int = 1
    read_seconds: float = 10

    def _client(self, service: str) -> Any:
        keys = {"access_key_id": "test", "secret_access_key": "test"}
        return aws_client(service, region="us-east-1", endpoint_url=self.url, attempts=self.attempts, read_seconds=self.read_seconds, **keys)

    @cached_property
    def personalize(self) -> Any:
        return self._client("personalize")

    @cached_property
    def events(self) -> Any:
        return self._client("personalize-events")

    @cached_property
    def runtime(self) -> Any:
        return self._client("personalize-runtime")

    @cached_property
    def profiles(self) -> Any:
        return self._client("customer-profiles")

    @cached_property
    def campaigns(self) -> Any:
        return self._client("connectcampaignsv2")

    @cached_property
    def pinpoint(self) -> Any:
        return self._client("pinpoint")


@contextmanager
def running(folder: Path) -> Iterator[tuple[Sandbox, Clients]]:
    with Sandbox.start(folder) as sandbox:
        yield sandbox, Clients(sandbox.url)


def post(sandbox: Sandbox, operation: str, body: object, *, key: str = "write-key") -> requests.Response:
    """One request to Segment, with the body as given."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(f"{sandbox.url}/v1/{operation}", data=data, auth=(key, "") if key else None, timeout=10)


def interactions(count: int = 1_000) -> pa.Table:
    """``count`` different interactions of 50 users with 20 items: user n likes items of its own parity."""
    users = [number % 50 for number in range(count)]
    return pa.table(
        {
            "USER_ID": [f"c_{user}" for user in users],
            "ITEM_ID": [f"P-{(number + number // 50) % 10 * 2 + number % 2}" for number in range(count)],
            "TIMESTAMP": [NOW - timedelta(minutes=number) for number in range(count)],
            "EVENT_TYPE": ["View" if number % 3 else "Purchase" for number in range(count)],
            "EVENT_VALUE": [None if number % 3 else 9.5 for number in range(count)],
            "CHANNEL": ["online" if number % 2 else None for number in range(count)],
        }
    )


def files(folder: Path) -> dict[str, str]:
    """Import files of all three datasets in the sandbox's bucket."""
    items = pa.table({"ITEM_ID": ["P-0", "P-1"], "PRICE": [1.0, 2.5], "CATEGORY_L1": [["shoes", "sale"], None], "IN_STOCK": [True, False]})
    users = pa.table({"USER_ID": ["c_0", "c_1"], "CHURN_BAND": ["high", None], "REPURCHASE_DECILE": [1, 10], "FAVOURITE_CHANNEL": ["online", None]})
    for name, written in (("Interactions", write_csv(INTERACTIONS, interactions())), ("Items", write_csv(ITEMS, items)), ("Users", write_csv(USERS, users))):
        put(folder, f"import/{name}/part-0.csv", written.data)
    return {name: f"s3://sandbox/import/{name}" for name in ("Interactions", "Items", "Users")}


def put(folder: Path, key: str, data: bytes) -> str:
    """An object in the sandbox's bucket."""
    path = folder / "s3" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return f"s3://sandbox/{key}"

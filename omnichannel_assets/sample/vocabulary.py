"""Fixed names and formats that the generator and the truth must spell alike.

Belongs here: source ids, shared identifiers, table columns, the sample's period, text forms of times and money.
Does not belong here: anything random, anything that writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import blake2b

WEB, APP, SERVER, EMAIL = "WbStore7Qk", "ApPh0neX2m", "SrvOrd3rsB", "EmlNews5Tz"

KIOSK_DEVICE = "kiosk-shop-3"
"""One tablet on the shop floor: many people, one anonymousId."""

BLOCKED_USER = "00000000-0000-0000-0000-000000000000"
SHARED_PHONE = "000-0000"
NULL = r"\N"

NOT_MERCHANDISE = re.compile(r"POST|DOT|M|D|S|B|C2|C3|CRUK|PADS|SP1002|AMAZONFEE|BANK CHARGES|ADJUST\d*|TEST\d+|GIFT.*")
"""Codes on order lines that are no goods. Matches the whole code."""

BEHAVIOUR_TYPES = {
    "Product Viewed": "View",
    "Viewed Product": "View",
    "Product Clicked": "Click",
    "Product Added": "AddToCart",
    "Product Added to Wishlist": "AddToWishlist",
}


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": _names(
        "customer_id first_name last_name email phone street city postcode country birth_date marketing_opt_in created_at updated_at"
    ),
    "orders": _names("order_id customer_id store_id status currency total ordered_at updated_at"),
    "order_lines": _names("order_id line_no product_id quantity unit_price"),
    "returns": _names("return_id order_id customer_id product_id quantity refund_amount reason returned_at"),
    "products": _names("product_id name category price currency status created_at updated_at"),
    "inventory": _names("product_id location_id quantity updated_at"),
    "subscriptions": _names("subscription_id customer_id plan status started_at renews_at ended_at updated_at"),
}
TABLE_KEYS = {"order_lines": 2, "inventory": 2}
"""How many leading columns make a row's key; one where a table is not listed."""

BARE_TABLES = frozenset({"inventory"})
"""Tables whose DMS task keeps the service's defaults: no header, no operation in the full load, no commit time."""


@dataclass(frozen=True)
class Period:
    """The days Segment covers, the history before them, and the moment DMS took its full load. All times are naive UTC."""

    first_day: date
    last_day: date
    history_days: int = 300

    @property
    def start(self) -> datetime:
        """Midnight at which the first received day begins."""
        return datetime.combine(self.first_day, time())

    @property
    def end(self) -> datetime:
        """Midnight after the last received day: nothing is received at or after it."""
        return datetime.combine(self.last_day + timedelta(days=1), time())

    @property
    def history_start(self) -> datetime:
        """Midnight before which the shop has no customer."""
        return self.start - timedelta(days=self.history_days)

    @property
    def split(self) -> datetime:
        """Midnight of the full load: earlier changes are in it, later ones are change rows."""
        return self.start + timedelta(days=(self.end - self.start).days // 2)


def segment_time(moment: datetime, timespec: str = "milliseconds") -> str:
    """ISO 8601 with `Z`, as Segment writes it."""
    return moment.isoformat(timespec=timespec) + "Z"


def sql_time(moment: datetime) -> str:
    """The zone-less text with microseconds that DMS writes."""
    return moment.isoformat(sep=" ", timespec="microseconds")


def money(pence: int) -> str:
    """Pounds with two decimals."""
    return f"{pence // 100}.{pence % 100:02d}"


def token(*parts: object, size: int = 8) -> str:
    """A stable hex name made from its parts alone."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).hexdigest()

"""The event vocabulary: names as sent -> today's name -> what it means for us. Pure data and the tables SQL reads it from.

Sources: Segment's e-commerce v2, e-mail and (older) e-commerce v1 specifications. Names are free text: matched trimmed and case-insensitively.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

OLD_NAMES = {
    "viewed product category": "Product List Viewed",
    "viewed promotion": "Promotion Viewed",
    "clicked promotion": "Promotion Clicked",
    "clicked product": "Product Clicked",
    "viewed product": "Product Viewed",
    "added product": "Product Added",
    "removed product": "Product Removed",
    "started order": "Checkout Started",
    "viewed checkout step": "Checkout Step Viewed",
    "completed checkout step": "Checkout Step Completed",
    "updated order": "Order Updated",
    "completed order": "Order Completed",
}
"""E-commerce v1 names, lower case -> v2 name."""

EVENT_TYPES = {
    "Product Viewed": "View",
    "Product Clicked": "Click",
    "Product Added": "AddToCart",
    "Wishlist Product Added to Cart": "AddToCart",
    "Product Removed": "RemoveFromCart",
    "Product Added to Wishlist": "AddToWishlist",
    "Product Removed from Wishlist": "RemoveFromWishlist",
    "Products Searched": "Search",
    "Promotion Viewed": "PromotionView",
    "Promotion Clicked": "PromotionClick",
    "Email Delivered": "EmailDelivered",
    "Email Opened": "EmailOpened",
    "Email Link Clicked": "EmailClicked",
    "Email Bounced": "EmailBounced",
    "Email Marked as Spam": "EmailMarkedAsSpam",
    "Unsubscribed": "Unsubscribed",
}
"""v2 event name -> event type of event_facts."""

ORDER_FACTS = {"Order Completed": "completed", "Order Updated": "updated", "Order Cancelled": "cancelled", "Order Refunded": "refunded"}
"""v2 event name -> kind of order fact."""

OTHER_NAMES = (
    "Product List Viewed",
    "Product List Filtered",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Payment Info Entered",
    "Coupon Entered",
    "Coupon Applied",
    "Coupon Denied",
    "Coupon Removed",
    "Product Shared",
    "Cart Shared",
    "Product Reviewed",
)

SINGLE_PRODUCT_EVENTS = frozenset(
    name
    for name, kind in EVENT_TYPES.items()
    if kind in {"View", "Click", "AddToCart", "RemoveFromCart", "AddToWishlist", "RemoveFromWishlist"}
) | {
    "Product Shared",
    "Product Reviewed",
}
"""Events whose item stands in the properties themselves; only there is a bare ``id`` a product."""


def event_names() -> pa.Table:
    """Every known spelling: event_key (lower case) -> event_name, event_type, order_fact, is_single_product."""
    import pyarrow as pa

    current = {name.lower(): name for name in (*EVENT_TYPES, *ORDER_FACTS, *OTHER_NAMES)}
    names = current | OLD_NAMES
    return pa.table(
        {
            "event_key": list(names),
            "event_name": list(names.values()),
            "event_type": [EVENT_TYPES.get(name) for name in names.values()],
            "order_fact": [ORDER_FACTS.get(name) for name in names.values()],
            "is_single_product": [name in SINGLE_PRODUCT_EVENTS for name in names.values()],
        }
    )

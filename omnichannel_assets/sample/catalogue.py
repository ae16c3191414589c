"""What the shop sells: products with prices over time, popularity, and baskets drawn from them.

Belongs here: goods, the few codes that are no goods, and the choice of what somebody with given tastes picks.
Does not belong here: who buys and when (life), rows of the shop database (shop).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from omnichannel_assets.sample.vocabulary import Period

_STYLES = ("Classic", "Rustic", "Blue", "Ivory", "Striped", "Floral", "Copper", "Nordic", "Vintage", "Spotted")
_NOUNS: dict[str, tuple[int, str]] = {
    "Kitchen": (650, "Mixing Bowl,Mug,Teapot,Chopping Board,Apron,Bread Bin,Storage Jar,Cake Stand,Tea Towel,Oven Glove"),
    "Garden": (900, "Planter,Watering Can,Bird Feeder,Trowel,Lantern,Hanging Basket,Doormat,Wind Chime,Kneeling Pad,Seed Tin"),
    "Bedding": (2400, "Duvet Cover,Pillowcase Pair,Throw,Fitted Sheet,Cushion,Bedspread,Blanket,Eye Mask,Hot Water Bottle,Quilt"),
    "Lighting": (
        1900,
        "Table Lamp,Fairy Lights,Candle Holder,Pendant Shade,Night Light,Tealight Set,Desk Lamp,Storm Lamp,Floor Lamp,Torch",
    ),
    "Toys": (800, "Wooden Train,Puzzle,Soft Rabbit,Skipping Rope,Building Blocks,Doll's House,Kite,Spinning Top,Play Tent,Yo-Yo"),
    "Stationery": (
        350,
        "Notebook,Pencil Set,Greeting Card Pack,Gift Wrap,Desk Tidy,Photo Album,Address Book,Paper Lantern,Sticker Sheet,Calendar",
    ),
    "Bath": (1100, "Bath Towel,Soap Dish,Bath Mat,Laundry Basket,Shower Cap,Mirror,Sponge Bag,Bath Oil,Robe,Toothbrush Cup"),
    "Bags": (1600, "Tote Bag,Lunch Bag,Rucksack,Purse,Shopper,Wash Bag,Picnic Basket,Satchel,Suitcase,Coin Pouch"),
    "Wall Art": (1400, "Framed Print,Wall Clock,Letter Rack,Metal Sign,Mirror Tile,Canvas,Bunting,Photo Frame,Noticeboard,Coat Hook Rail"),
    "Café": (
        550,
        "Ground Coffee,Loose Leaf Tea,Shortbread Tin,Hot Chocolate,Marmalade,Crème Fudge,Chutney,Honey Jar,Espresso Cups,Cake Mix",
    ),
}
_CHARGES = (("POST", "Postage", 395), ("M", "Manual entry", 500), ("BANK CHARGES", "Bank Charges", 150))


@dataclass(frozen=True)
class Product:
    """One product code; prices in pence. `repriced` and `discontinued` are moments inside the period, if any."""

    product_id: str
    name: str
    category: str
    pence: int
    weight: float = 0.0
    repriced: datetime | None = None
    discontinued: datetime | None = None

    @property
    def new_pence(self) -> int:
        """The price after `repriced`."""
        return self.pence * 9 // 10

    def price_at(self, moment: datetime) -> int:
        """The shelf price at a moment."""
        return self.new_pence if self.repriced and moment >= self.repriced else self.pence

    def sold_at(self, moment: datetime) -> bool:
        """Whether the shop still sells it."""
        return self.discontinued is None or moment < self.discontinued


@dataclass(frozen=True)
class Line:
    """One line of an order."""

    product: Product
    quantity: int
    unit_pence: int

    @property
    def pence(self) -> int:
        """What the line costs."""
        return self.quantity * self.unit_pence


class Catalogue:
    """All products, with draws by taste and popularity."""

    def __init__(self, products: Sequence[Product], charges: Sequence[Product]):
        self.products, self.charges = tuple(products), {c.product_id: c for c in charges}
        self.categories = tuple(dict.fromkeys(p.category for p in products))
        self._popular = tuple(accumulate(p.weight for p in products))
        self._shelves = {c: tuple(p for p in products if p.category == c) for c in self.categories}
        self._shelf_weights = {c: tuple(accumulate(p.weight for p in shelf)) for c, shelf in self._shelves.items()}

    def shelf(self, category: str) -> tuple[Product, ...]:
        """The products of a category."""
        return self._shelves[category]

    def pick(self, rng: random.Random, tastes: Sequence[str], moment: datetime) -> Product:
        """Something a person with these tastes looks at: mostly their categories, else what is popular."""
        for _ in range(20):
            if rng.random() < 0.75:
                category = rng.choice(tastes)
                product = rng.choices(self._shelves[category], cum_weights=self._shelf_weights[category])[0]
            else:
                product = rng.choices(self.products, cum_weights=self._popular)[0]
            if product.sold_at(moment):
                return product
        return next(p for p in self.products if p.discontinued is None)

    def companion(self, product: Product) -> Product:
        """What tends to be bought with a product: its neighbour on the shelf."""
        shelf = self._shelves[product.category]
        return shelf[(shelf.index(product) + 1) % len(shelf)]

    def basket(self, rng: random.Random, tastes: Sequence[str], moment: datetime, first: Product | None = None) -> list[Line]:
        """The goods of one order, each product once; `first` is in it when still sold."""
        chosen: dict[str, Product] = {first.product_id: first} if first and first.sold_at(moment) else {}
        size = 1 + min(7, int(rng.expovariate(1 / 1.6)))
        while len(chosen) < size:
            product = self.pick(rng, tastes, moment)
            chosen[product.product_id] = product
            friend = self.companion(product)
            if rng.random() < 0.3 and friend.sold_at(moment):
                chosen[friend.product_id] = friend
        lines = []
        for product in chosen.values():
            pence = product.price_at(moment)
            if rng.random() < 0.06:
                pence = max(1, pence * 17 // 20)
            lines.append(Line(product, rng.choice((1, 1, 1, 1, 2, 2, 3, 6)), pence))
        return lines


def build_catalogue(seed: int, period: Period) -> Catalogue:
    """Two hundred products in ten categories, a few of them repriced or discontinued after the full load."""
    rng = random.Random(f"{seed}/catalogue")
    changes = max(1, (period.end - period.split).days - 1)
    products = []
    for category, (typical, nouns) in _NOUNS.items():
        for noun in nouns.split(","):
            for style in rng.sample(_STYLES, 2):
                number = len(products)
                when = period.split + timedelta(days=rng.randrange(changes), seconds=rng.randrange(3600, 80000))
                products.append(
                    Product(
                        product_id=f"{20011 + 17 * number}{'B' if number % 9 == 4 else ''}",
                        name=f"{style} {noun}",
                        category=category,
                        pence=max(50, int(typical * rng.lognormvariate(0, 0.45)) // 5 * 5 - 1),
                        weight=1 / (2 + rng.randrange(60)),
                        repriced=when if number % 20 == 7 else None,
                        discontinued=when if number % 40 == 13 else None,
                    )
                )
    return Catalogue(products, [Product(code, name, "Charges", pence) for code, name, pence in _CHARGES])

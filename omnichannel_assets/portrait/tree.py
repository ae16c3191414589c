"""A portrait as boxes in a tree: identifiers, between them the links that joined them, and grey what stays apart.

The joining links of a customer make a tree by nature: each joined parts that were apart before. Its root is the identifier in the middle,
so that the picture stays as narrow as it can. Positions are in inches, y downwards. Not here: colours and lines (drawing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from omnichannel_assets.portrait.ties import MATCHED, SHOP_DATABASE, Apart, Portrait, Tie

MOST_BOXES = 60
"""With more identifiers than this, single devices and the like that hang on one identifier are shown as a few and a number."""
KEPT, MOST_APART, LONGEST = 3, 6, 34
ROW, GAP, PADDING, LINE = 0.14, 0.5, 0.09, 0.155
TALLEST_LINK = 2 * PADDING + 3 * LINE
SOURCES = {SHOP_DATABASE: "shop database", "segment": "Segment", MATCHED: "proposed match"}


@dataclass
class Box:
    """A box: its lines, what it is (``identifier``, ``link``, ``apart``, ``more``), the type or source it is coloured by, what hangs on it."""

    what: str
    kind: str
    lines: tuple[str, ...]
    names: tuple[str, ...] = ()
    is_weak: bool = False
    children: list[Box] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        """By its lines."""
        return 2 * PADDING + LINE * len(self.lines)

    def all(self) -> Iterator[Box]:
        """This box and everything that hangs on it."""
        waiting = [self]
        while waiting:
            box = waiting.pop()
            yield box
            waiting += reversed(box.children)


def tree_of(found: Portrait) -> list[Box]:
    """The portrait as trees, one as a rule; identifiers that no link joins stand by themselves."""
    near: dict[str | int, list[str | int]] = {identifier.name: [] for identifier in found.identifiers}
    for number, tie in enumerate(found.joining):
        near[number] = list(tie.parts)
        for name in tie.parts:
            near[name].append(number)
    boxes: dict[str | int, Box] = {one.name: Box("identifier", one.kind, (one.kind, shortened(one.value)), (one.name,)) for one in found.identifiers}
    boxes |= {number: _link_box(tie, _seen(found, tie)) for number, tie in enumerate(found.joining)}
    roots, seen = [], set()
    for identifier in found.identifiers:
        if identifier.name not in seen:
            root = _middle(near, identifier.name)
            for node, above in _walk(near, root):
                seen.add(node)
                if above is not None:
                    boxes[above].children.append(boxes[node])
            roots.append(boxes[root])
    if len(found.identifiers) > MOST_BOXES:
        for box in list(boxes.values()):
            _group_leaves(box)
    _hang_apart(found, boxes)
    return roots


def place(roots: list[Box], measured: Callable[[Box], float]) -> tuple[float, float]:
    """Give every box its place, from the width that its text needs; returns width and height of the whole."""
    columns: list[float] = []
    for root in roots:
        for box, depth in _depths(root):
            box.width = measured(box) + 2 * PADDING
            columns += [0.0] * (depth + 1 - len(columns))
            columns[depth] = max(columns[depth], box.width)
    starts = [sum(columns[:depth]) + GAP * depth for depth in range(len(columns))]
    below = 0.0
    for root in roots:
        levels = list(_depths(root))
        for box, depth in levels:
            box.x = starts[depth]
            if not box.children:
                room = max(box.height, TALLEST_LINK)
                box.y = below + room / 2
                below += room + ROW
        for box, _ in reversed(levels):
            if box.children:
                box.y = (box.children[0].y + box.children[-1].y) / 2
    return sum(columns) + GAP * max(len(columns) - 1, 0), max(below - ROW, 0.0)


def shortened(text: str, longest: int = LONGEST) -> str:
    """A long text without its middle, on one line: both ends tell more than either."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    kept = longest - 1
    return text if len(text) <= longest else f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"


def _link_box(tie: Tie, seen: int) -> Box:
    often = "seen once: a weak link" if tie.is_weak else f"seen together in {seen:,} link{'s' if seen > 1 else ''}"
    lines = (f"{SOURCES.get(tie.source, tie.source)}, {tie.known_at:%Y-%m-%d}", shortened(tie.link_id, 26), often)
    return Box("link", tie.source, lines, tie.names, tie.is_weak)


def _seen(found: Portrait, tie: Tie) -> int:
    """Links, of whatever set, that carry at least two of the parts this one joined."""
    return sum(other.links for other in (*found.joining, *found.others) if len(set(other.names) & set(tie.parts)) > 1)


def _walk(near: dict[str | int, list[str | int]], start: str | int) -> Iterator[tuple[str | int, str | int | None]]:
    """Every node of a tree from a start, breadth first, with the one before it."""
    waiting: list[tuple[str | int, str | int | None]] = [(start, None)]
    for node, above in waiting:
        yield node, above
        waiting += [(other, node) for other in near[node] if other != above]


def _middle(near: dict[str | int, list[str | int]], start: str) -> str:
    """The identifier in the middle of the longest way; of two, the one that comes first in the portrait."""
    far = list(_walk(near, start))[-1][0]
    above = dict(_walk(near, far))
    way: list[str | int] = [list(above)[-1]]
    while (before := above[way[-1]]) is not None:
        way.append(before)
    middle = len(way) // 2
    central = [node for node in way[max(middle - 1, 0) : middle + 2] if isinstance(node, str)]
    return min(central, key=list(near).index)


def _depths(root: Box) -> Iterator[tuple[Box, int]]:
    waiting = [(root, 0)]
    while waiting:
        box, depth = waiting.pop()
        yield box, depth
        waiting += [(child, depth + 1) for child in reversed(box.children)]


def _group_leaves(box: Box) -> None:
    """Of the links below an identifier that each add one last identifier of the same type, keep the first few and a number."""
    if box.what != "identifier":
        return
    kinds: dict[str, list[Box]] = {}
    for link in box.children:
        if len(link.children) == 1 and not link.children[0].children and not link.is_weak:
            kinds.setdefault(link.children[0].kind, []).append(link)
    for kind, links in sorted(kinds.items()):
        if len(links) > KEPT + 1:
            hidden = links[KEPT:]
            names = tuple(name for link in hidden for name in link.children[0].names)
            box.children = [link for link in box.children if not any(link is other for other in hidden)]
            box.children.append(Box("more", kind, (f"+ {len(hidden):,} of type {kind}", "each joined by a link of its own"), names))


def _hang_apart(found: Portrait, boxes: dict[str | int, Box]) -> None:
    """Grey boxes beside the identifier that each was seen with."""
    for other in found.apart[:MOST_APART]:
        box = boxes[other.seen_with]
        box.children.append(Box("apart", other.kind, (f"not joined: {other.kind}", shortened(other.value), *_why(other))))
    more = len(found.apart[MOST_APART:]) + found.more_apart
    if more:
        boxes[found.apart[MOST_APART - 1].seen_with].children.append(Box("apart", "", (f"+ {more:,} more, not joined",)))


def _why(other: Apart) -> tuple[str, ...]:
    """The reason in lines that fit a box."""
    return tuple(part.strip() for part in other.why.removesuffix(" keeps them apart").split(":", 1))

"""What stands on Personalize's data sets: what PERSONALIZE_CREATE names, each made once, a stream of the ledger of its own.

Belongs here: what is made, trained or left alone, and why. Not here: the data sets (``deliveries_personalize``), how Personalize is asked
(``activation.personalize_models``), batch jobs and their results (``personalize_results``).
Nothing that is not named is made, because nearly all of it is paid for by the hour; nothing that was made is ever deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.assets.campaign_streams import Stream
from omnichannel_assets.assets.streams import Delivery, StreamResult
from omnichannel_assets.settings_personalize import PARTS

if TYPE_CHECKING:
    from omnichannel_assets.activation.personalize_resources import Resources
    from omnichannel_assets.activation.polling import Poll
    from omnichannel_assets.resources.channels import Channels
    from omnichannel_assets.resources.workspace import Workspace
    from omnichannel_assets.settings import Settings

DATASETS = ("Interactions", "Items", "Users")
TRAINING = "training"
"""Stream of the solutions' trained versions; its destination keys are recipes."""
BATCH_STREAMS = {"batch_inference": "recommendations", "batch_segment": "segments"}
"""Part of PERSONALIZE_CREATE that is a batch job -> the stream of its runs."""
METRICS_FOLDER = "personalize/metrics/"
COSTS = {
    "event_tracker": "per GB of events",
    "metric_attribution": "storage of the reports",
    "recommender": "by the hour, and by users; trains every 7 days by itself",
    "solution": "per training, by size",
    "campaign": "by the hour for 1 request a second at least, more when more come",
    "batch_inference": "per answer",
    "batch_segment": "per customer",
}
"""What each part is billed by, as far as the price list's shape is known; the figures are Amazon's to change."""


def bring_parts(delivery: Delivery, channels: Channels) -> None:
    """Bring everything that is named up to date, in order. A part that ends badly stops only what stands on it."""
    bring = _Bringing(delivery, channels)
    for part in delivery.workspace.settings.personalize_create:
        bring.part(part)
    delivery.shown["Personalize at your cost"] = _overview(delivery)


def planned_parts(delivery: Delivery) -> list[Stream]:
    """What would be made of what is named, without a call; results say what follows from it, and what is not named."""
    settings, streams = delivery.workspace.settings, []
    follows = {
        TRAINING: f"follows new data, at least {settings.personalize_train_days} days after the last",
        "campaign": "follows the training",
        "batch_inference": "asked once a trained version",
        "batch_segment": "asked once a trained version",
    }
    named = [one for part in settings.personalize_create for one in ((part, TRAINING) if part == "solution" else (part,))]
    for part in named:
        if part in follows:
            delivery.results[part] = StreamResult(note=follows[part])
        elif delivery.wants(part, is_campaign=False):
            streams.append(Stream(part, _contents(delivery, wanted_of(settings, part))))
    others = [part for part in PARTS if part not in settings.personalize_create]
    if others:
        delivery.results["not made"] = StreamResult(note=f"PERSONALIZE_CREATE does not name {', '.join(others)}")
    return streams


def wanted_of(settings: Settings, part: str) -> dict[str, dict[str, Any]]:
    """What a part consists of: destination key -> fields. For parts that hang on nothing but settings."""
    from omnichannel_assets.activation.personalize_models import METRICS

    if part == "metric_attribution":
        return {part: {"metrics": [f"{metric.name}={metric.event_type}:{metric.expression}" for metric in METRICS]}}
    keys = {"recommender": settings.personalize_use_cases, "solution": recipes_of(settings)}
    return {key: {} for key in keys.get(part, [part])}


def _contents(delivery: Delivery, wanted: Mapping[str, Mapping[str, Any]]) -> list[Content]:
    return [Content(key, None, {**fields, **where_of(delivery)}, insists=True) for key, fields in wanted.items()]


def where_of(delivery: Delivery) -> dict[str, str]:
    """The dataset group, as part of a content: another group holds nothing yet."""
    settings = delivery.workspace.settings
    return {"group": settings.personalize_group} | ({"domain": settings.personalize_domain} if settings.personalize_domain else {})


def poll_of(channels: Channels) -> Poll:
    """How to wait for Personalize; the sandbox goes on with every look."""
    from omnichannel_assets.activation import polling

    return polling.Poll() if channels.is_live else polling.Poll(every_seconds=0)


def resources_of(workspace: Workspace, channels: Channels) -> Resources:
    """The resources of the dataset group that the settings name."""
    from omnichannel_assets.activation.personalize_resources import Resources

    settings = workspace.settings
    return Resources(
        channels.aws("personalize"), settings.personalize_group, domain=settings.personalize_domain, hook=channels.hook, poll=poll_of(channels)
    )


def recipes_of(settings: Settings) -> list[str]:
    """The recipes that need a trained solution for what is named."""
    named = set(settings.personalize_create)
    if "solution" not in named:
        return []
    is_for_people = named & {"campaign", "batch_inference"} or "batch_segment" not in named
    return [*([settings.personalize_recipe] if is_for_people else []), *([settings.personalize_segment_recipe] if "batch_segment" in named else [])]


def trained_version(delivery: Delivery, recipe: str) -> Entry | None:
    """The ledger's entry of the newest training of a recipe, if it ended well in this dataset group; its words are the version's ARN."""
    newest = delivery.stored.ledger.newest(TRAINING).get(recipe)
    return newest if newest is not None and newest.state == "loaded" else None


class _Bringing:
    """Brings the named parts of one delivery up to date."""

    def __init__(self, delivery: Delivery, channels: Channels):
        self.delivery, self.channels, self.settings = delivery, channels, delivery.workspace.settings

    @cached_property
    def resources(self) -> Resources:
        return resources_of(self.delivery.workspace, self.channels)

    def part(self, part: str) -> None:
        """One of PERSONALIZE_CREATE; batch jobs are assets of their own."""
        steps = {
            "event_tracker": self._tracker,
            "metric_attribution": self._metrics,
            "recommender": self._recommenders,
            "solution": self._solutions,
            "campaign": self._campaign,
        }
        if part in steps:
            steps[part]()

    def _tracker(self) -> None:
        from omnichannel_assets.activation.personalize_models import event_tracker

        self._keep("event_tracker", lambda entry: event_tracker(self.resources))
        self._tell("PERSONALIZE_TRACKING_ID", "event_tracker")

    def _metrics(self) -> None:
        from omnichannel_assets.activation.personalize_models import metric_attribution

        place, role = self.channels.place_of(METRICS_FOLDER), self.channels.personalize_role
        if self._has_interactions("metric_attribution"):
            self._keep("metric_attribution", lambda entry: metric_attribution(self.resources, place, role))

    def _recommenders(self) -> None:
        from omnichannel_assets.activation.personalize_models import recommender

        if self._has_interactions("recommender"):
            self._keep("recommender", lambda entry: recommender(self.resources, entry.destination_key))
        self._tell("PERSONALIZE_RECOMMENDER_ARN", "recommender")

    def _solutions(self) -> None:
        from omnichannel_assets.activation.personalize_models import solution

        self._keep("solution", lambda entry: solution(self.resources, entry.destination_key))
        if self._has_interactions(TRAINING) and self.delivery.wants(TRAINING, is_campaign=False):
            self._train()

    def _train(self) -> None:
        """Train what has new data and was not trained within PERSONALIZE_TRAIN_DAYS; a training that has begun is waited for, whatever came since."""
        from omnichannel_assets.activation.personalize_models import solution_version

        delivery, stored = self.delivery, self.delivery.stored
        newest = stored.ledger.newest(TRAINING)
        data = {name: entry.content_hash for name in DATASETS for entry in [stored.ledger.newest(name).get(name)] if entry and entry.state == "loaded"}
        contents = [Content(recipe, None, {"data": data, **where_of(delivery)}, insists=True) for recipe in recipes_of(self.settings)]
        begun = [newest[one.destination_key] for one in contents if one.destination_key in newest and newest[one.destination_key].state in ("pending", "failed")]
        due = [one for one in contents if self._is_due(newest.get(one.destination_key))]
        sending = [*begun, *(entry for entry, _ in stored.begin(TRAINING, due, delivery.as_of))]
        for entry in sending:
            outcome = solution_version(self.resources, entry.destination_key, entry.message_id)
            stored.ledger.settle(entry, outcome.state, outcome.words)
        stored.finish(TRAINING, delivery.as_of)
        delivery.count(TRAINING, contents, [], [entry.destination_key for entry in sending])

    def _is_due(self, newest: Entry | None) -> bool:
        """Whether a recipe may be trained; that the data are new is the ledger's to say."""
        if newest is None or newest.state == "rejected":
            return True
        return newest.state == "loaded" and self.delivery.as_of >= newest.as_of + timedelta(days=self.settings.personalize_train_days)

    def _campaign(self) -> None:
        from omnichannel_assets.activation.personalize_models import campaign

        recipe = self.settings.personalize_recipe
        version = trained_version(self.delivery, recipe)
        if version is None:
            self.delivery.results["campaign"] = StreamResult(note=f"waits for a trained version of {recipe}")
        else:
            arn = version.words or ""
            self._keep("campaign", lambda entry: campaign(self.resources, recipe, arn), {recipe: {"version": version.message_id}})
        self._tell("PERSONALIZE_RECOMMENDER_ARN", "campaign")

    def _has_interactions(self, stream: str) -> bool:
        newest = self.delivery.stored.ledger.newest(DATASETS[0]).get(DATASETS[0])
        if newest is not None and newest.state == "loaded":
            return True
        self.delivery.results[stream] = StreamResult(note="waits for the import of Interactions")
        return False

    def _keep(self, stream: str, make: Callable[[Entry], Outcome], wanted: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Make what the ledger does not know as made, one destination key each; ``wanted`` unless the settings alone say it."""
        delivery = self.delivery
        if not delivery.wants(stream, is_campaign=False):
            return
        contents = _contents(delivery, wanted or wanted_of(self.settings, stream))
        sending = delivery.stored.begin(stream, contents, delivery.as_of)
        for entry, _ in sending:
            outcome = make(entry)
            delivery.stored.ledger.settle(entry, outcome.state, outcome.words)
        delivery.stored.finish(stream, delivery.as_of)
        delivery.count(stream, contents, [], [content.destination_key for _, content in sending])

    def _tell(self, name: str, stream: str) -> None:
        """What Personalize called a part, for the setting that wants it."""
        made = self.delivery.stored.ledger.newest(stream)
        known = [entry.words for entry in made.values() if entry.state == "loaded" and entry.words]
        if known:
            self.delivery.told[name] = ", ".join(sorted(known))


def _overview(delivery: Delivery) -> str:
    """Which parts there are, which are not, and what each is billed by."""
    named, ledger = delivery.workspace.settings.personalize_create, delivery.stored.ledger
    lines = ["| part | state | billed |", "|---|---|---|"]
    for part in PARTS:
        stream = BATCH_STREAMS.get(part, part)
        is_made = any(entry.state == "loaded" for entry in ledger.newest(stream).values())
        if part in named:
            state = "made" if is_made else "named, not made yet"
        else:
            state = "**made earlier and not named any more: it stays, and costs, until you delete it**" if is_made else "not made: PERSONALIZE_CREATE does not name it"
        lines.append(f"| {part} | {state} | {COSTS[part]} |")
    return "\n".join(lines)

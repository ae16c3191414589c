"""What is built on Personalize's data sets: solutions and their versions, campaigns, domain recommenders, event tracker, metric attribution.

Belongs here: bringing one of them to the state that is asked for, once, whatever an earlier run left. Not here: whether it is asked for, since
nearly all of them cost money (``assets.deliveries_personalize``), jobs over a trained version (`personalize_batch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.activation.aws_clients import Refused
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_resources import ACTIVE, ENDED_BADLY, Entry, Resources, attempt

RECIPES = "arn:aws:personalize:::recipe/"
MIN_TPS = 1
"""Requests a second that are paid for whether they come or not. Personalize scales above it by itself and bills what it used."""
VERSIONS_LOOKED_AT = 10
"""A version's name stands in its description only: as many of the newest are described before one is taken to be new."""


@dataclass(frozen=True)
class Metric:
    """What is added up over events of one type, per source of attribution."""

    name: str
    event_type: str
    expression: str


METRICS = (
    Metric("views", "View", "SAMPLECOUNT()"),
    Metric("clicks", "Click", "SAMPLECOUNT()"),
    Metric("carts", "AddToCart", "SAMPLECOUNT()"),
    Metric("wishes", "AddToWishlist", "SAMPLECOUNT()"),
    Metric("purchases", "Purchase", "SAMPLECOUNT()"),
    Metric("revenue", "Purchase", "SUM(Interactions.EVENT_VALUE)"),
)


def event_tracker(resources: Resources) -> Outcome:
    """The group's event tracker, made when there is none: a group has one. ``words`` of what is loaded are its tracking id."""

    def bring() -> Outcome:
        group = resources.group()
        make = {"name": resources.name("events"), "datasetGroupArn": group}
        found = resources.found_or_made("EventTracker", "eventTrackers", "eventTrackerArn", {"datasetGroupArn": group}, _any, make)
        described = resources.wait("EventTracker", "eventTracker", {"eventTrackerArn": found})
        return Outcome("event_tracker", "loaded", str(described["trackingId"]))

    return attempt("event_tracker", bring)


def metric_attribution(resources: Resources, location: str, role_arn: str) -> Outcome:
    """The group's metric attribution over `METRICS`, reports below ``location``; one that is there already, of whatever metrics, is left as it is."""

    def bring() -> Outcome:
        group = resources.group()
        metrics = [{"metricName": metric.name, "eventType": metric.event_type, "expression": metric.expression} for metric in METRICS]
        output = {"s3DataDestination": {"path": location}, "roleArn": role_arn}
        make = {"name": resources.name("metrics"), "datasetGroupArn": group, "metrics": metrics, "metricsOutputConfig": output}
        found = resources.found_or_made("MetricAttribution", "metricAttributions", "metricAttributionArn", {"datasetGroupArn": group}, _any, make)
        resources.wait("MetricAttribution", "metricAttribution", {"metricAttributionArn": found})
        return Outcome("metric_attribution", "loaded", found)

    return attempt("metric_attribution", bring)


def solution(resources: Resources, recipe: str) -> Outcome:
    """The group's solution of a recipe. It does not train by itself, which costs every week whether anybody wants it or not."""
    return attempt(recipe, lambda: Outcome(recipe, "loaded", _solution(resources, recipe)))


def _solution(resources: Resources, recipe: str) -> str:
    group, name = resources.group(), solution_name(resources, recipe)
    make = {"name": name, "datasetGroupArn": group, "recipeArn": RECIPES + recipe, "performAutoTraining": False}
    where = {"datasetGroupArn": group}
    found = resources.found_or_made("Solution", "solutions", "solutionArn", where, lambda entry: entry["name"] == name, make)
    resources.wait("Solution", "solution", {"solutionArn": found})
    return found


def solution_name(resources: Resources, recipe: str) -> str:
    """What the solution of a recipe, and its campaign, are called: a recipe cannot be changed, another one is another solution."""
    return resources.name(recipe.removeprefix("aws-"))


def solution_version(resources: Resources, recipe: str, suffix: str) -> Outcome:
    """A trained version of a recipe's solution, trained when there is none under this ``suffix``; ``words`` are its ARN."""

    def bring() -> Outcome:
        found = _solution(resources, recipe)
        name, where = resources.name("version", suffix), {"solutionArn": found}

        def newest_named() -> Entry | None:
            versions = sorted(resources.list("SolutionVersion", "solutionVersions", where), key=lambda entry: entry["creationDateTime"], reverse=True)
            which = ({"solutionVersionArn": version["solutionVersionArn"]} for version in versions[:VERSIONS_LOOKED_AT])
            described = (resources.call("DescribeSolutionVersion", version)["solutionVersion"] for version in which)
            return next((version for version in described if version.get("name") == name), None)

        known = newest_named()
        make = {"name": name, "solutionArn": found, "trainingMode": "FULL"}
        arn = known["solutionVersionArn"] if known else _made_version(resources, make, newest_named)
        resources.wait("SolutionVersion", "solutionVersion", {"solutionVersionArn": arn})
        return Outcome(recipe, "loaded", str(arn))

    return attempt(recipe, bring)


def _made_version(resources: Resources, make: Mapping[str, Any], find: Callable[[], Entry | None]) -> str:
    from botocore.exceptions import ClientError

    try:
        return str(resources.call("CreateSolutionVersion", make)["solutionVersionArn"])
    except ClientError as error:
        known = find()
        if known is None:
            raise Refused(f"CreateSolutionVersion: {make['name']} is taken by something else") from error
        return str(known["solutionVersionArn"])


def campaign(resources: Resources, recipe: str, version_arn: str) -> Outcome:
    """The campaign of a recipe, answering from a trained version; ``words`` are its ARN. One that answers from another version is moved to it."""

    def bring() -> Outcome:
        name = solution_name(resources, recipe)
        make = {"name": name, "solutionVersionArn": version_arn, "minProvisionedTPS": MIN_TPS}
        where = {"solutionArn": version_arn.rpartition("/")[0]}
        found = resources.found_or_made("Campaign", "campaigns", "campaignArn", where, lambda entry: entry["name"] == name, make)
        which = {"campaignArn": found}
        described = resources.wait("Campaign", "campaign", which)
        if described["solutionVersionArn"] != version_arn:
            if not _is_under_way(described.get("latestCampaignUpdate"), version_arn):
                resources.call("UpdateCampaign", {**which, "solutionVersionArn": version_arn, "minProvisionedTPS": MIN_TPS})
            resources.wait("Campaign", "campaign", which, latest="latestCampaignUpdate")
        return Outcome(recipe, "loaded", found)

    return attempt(recipe, bring)


def _is_under_way(update: Entry | None, version_arn: str) -> bool:
    """Whether a campaign is being moved to a version already."""
    return bool(update) and update["solutionVersionArn"] == version_arn and update["status"] not in (ACTIVE, *ENDED_BADLY)


def recommender(resources: Resources, recipe: str) -> Outcome:
    """The recommender of one of the domain's use cases; ``words`` are its ARN. Personalize trains it by itself, every seven days."""

    def bring() -> Outcome:
        group, name = resources.group(), resources.name(recipe.removeprefix("aws-ecomm-"))
        config = {"minRecommendationRequestsPerSecond": MIN_TPS}
        make = {"name": name, "datasetGroupArn": group, "recipeArn": RECIPES + recipe, "recommenderConfig": config}
        where = {"datasetGroupArn": group}
        found = resources.found_or_made("Recommender", "recommenders", "recommenderArn", where, lambda entry: entry["name"] == name, make)
        resources.wait("Recommender", "recommender", {"recommenderArn": found})
        return Outcome(recipe, "loaded", found)

    return attempt(recipe, bring)


def _any(entry: Entry) -> bool:
    return True

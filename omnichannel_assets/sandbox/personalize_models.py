"""What Personalize trains and serves: solutions and their versions, campaigns, domain recommenders, metric attribution.

Belongs here: what each operation refuses and when training succeeds. Not here: how states follow each other (`personalize`), what is answered
(`personalize_runtime`), batch jobs (`personalize_batch`). A model is no more than the rows that are imported when it is asked.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import Field
from omnichannel_assets.sandbox.personalize_deletion import refuse_during_deletion
from omnichannel_assets.sandbox.personalize_state import (
    ACTIVE,
    ARN,
    FAILED,
    PENDING,
    PersonalizeState,
    Resource,
    is_unfinished,
    limit,
    without_tags,
)

MODEL_ARNS = {
    "solution": "solutionArn",
    "solution-version": "solutionVersionArn",
    "campaign": "campaignArn",
    "recommender": "recommenderArn",
    "metric-attribution": "metricAttributionArn",
}
RECIPE = "arn:aws:personalize:::recipe/"
SEGMENT_RECIPES = {"aws-item-affinity", "aws-item-attribute-affinity"}
RELATED_RECIPES = {"aws-similar-items", "aws-sims"}
RECIPES = SEGMENT_RECIPES | RELATED_RECIPES | {
    *("aws-user-personalization-v2", "aws-user-personalization", "aws-personalized-ranking-v2", "aws-personalized-ranking"),
    *("aws-popularity-count", "aws-trending-now"),
}
USE_CASES = {
    "aws-ecomm-popular-items-by-views": "View",
    "aws-ecomm-popular-items-by-purchases": "Purchase",
    "aws-ecomm-frequently-bought-together": "Purchase",
    "aws-ecomm-customers-who-viewed-x-also-viewed": "View",
    "aws-ecomm-recommended-for-you": "",
}
"""Recipe of the ECOMMERCE domain -> the type its least events must have; empty: any."""
MOST_SOLUTIONS, MOST_CAMPAIGNS, MOST_RECOMMENDERS, MOST_UNFINISHED_VERSIONS, MOST_TPS, MOST_METRICS = 10, 5, 5, 20, 500, 10
LEAST_EVENTS, LEAST_USERS, LEAST_EACH = 1_000, 25, 2
EXPRESSION = re.compile(r"SAMPLECOUNT\(\)|SUM\((Items|Interactions)\.([A-Za-z0-9_]+)\)")
NUMBERS = ("int", "long", "float", "double")
Params = Mapping[str, Any]


class ModelPlane:
    """Answers the operations on what is trained; ``runs`` say how the work at a kind of resource ends."""

    def __init__(self, state: PersonalizeState):
        self.state = state
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateSolution": self._create_solution,
            "CreateSolutionVersion": self._create_version,
            "CreateCampaign": self._create_campaign,
            "UpdateCampaign": self._update_campaign,
            "CreateRecommender": self._create_recommender,
            "CreateMetricAttribution": self._create_attribution,
            "ListMetricAttributionMetrics": lambda p: {"metrics": self.state.find("metric-attribution", p["metricAttributionArn"])["metrics"]},
        }
        self.runs: dict[str, Callable[[Resource], str]] = {
            "solution-version": self._train,
            "campaign": self._end_campaign,
            "recommender": self._train_recommender,
        }

    def _create_solution(self, params: Params) -> dict[str, Any]:
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        recipe = params.get("recipeArn", "").removeprefix(RECIPE)
        if recipe not in RECIPES:
            raise _invalid(f"recipeArn: {recipe or 'none'} is no recipe of the sandbox's: {', '.join(sorted(RECIPES))}")
        arn = f"{ARN}solution/{params['name']}"
        limit(self._others("solution", arn, group), MOST_SOLUTIONS, "solutions in a dataset group")
        auto = params.get("performAutoTraining", True)
        self._add("solution", arn, {**without_tags(params), "performAutoTraining": auto})
        return {"solutionArn": arn}

    def _create_version(self, params: Params) -> dict[str, Any]:
        solution = self.state.active("solution", params["solutionArn"])
        refuse_during_deletion(self.state, solution["datasetGroupArn"])
        number = sum(version["solutionArn"] == params["solutionArn"] for version in self.state.all("solution-version"))
        digest = hashlib.blake2b(str(params.get("name", number)).encode(), digest_size=4).hexdigest()
        unfinished = [version for version in self.state.all("solution-version") if is_unfinished(version)]
        arn = f"{solution['solutionArn']}/{digest}"
        limit(sum(version["solutionVersionArn"] != arn for version in unfinished), MOST_UNFINISHED_VERSIONS, "solution versions in training")
        known = {name: solution[name] for name in ("recipeArn", "datasetGroupArn")}
        version = {**without_tags(params), **known, "trainingMode": params.get("trainingMode", "FULL"), "trainingType": "MANUAL"}
        self._add("solution-version", arn, version)
        return {"solutionVersionArn": arn}

    def _create_campaign(self, params: Params) -> dict[str, Any]:
        version = self.state.active("solution-version", params["solutionVersionArn"])
        _check_tps(params.get("minProvisionedTPS", 1))
        arn = f"{ARN}campaign/{params['name']}"
        group = {"datasetGroupArn": version["datasetGroupArn"]}
        limit(self._others("campaign", arn, group), MOST_CAMPAIGNS, "campaigns in a dataset group")
        self._add("campaign", arn, {**without_tags(params), **group, "solutionArn": version["solutionArn"]})
        return {"campaignArn": arn}

    def _update_campaign(self, params: Params) -> dict[str, Any]:
        campaign = self.state.active("campaign", params["campaignArn"])
        if campaign.get("latestCampaignUpdate") and is_unfinished(campaign["latestCampaignUpdate"]):
            raise ServiceError("ResourceInUseException", f"{params['campaignArn']} is being updated")
        version = self.state.active("solution-version", params.get("solutionVersionArn", campaign["solutionVersionArn"]))
        if version["solutionArn"] != campaign["solutionArn"]:
            raise _invalid("the solution version belongs to another solution")
        _check_tps(params.get("minProvisionedTPS", 1))
        campaign["latestCampaignUpdate"] = {
            "solutionVersionArn": version["solutionVersionArn"],
            "minProvisionedTPS": params.get("minProvisionedTPS", campaign.get("minProvisionedTPS", 1)),
            "status": PENDING,
            "creationDateTime": campaign["creationDateTime"],
            "lastUpdatedDateTime": campaign["lastUpdatedDateTime"],
        }
        self.state.save()
        return {"campaignArn": params["campaignArn"]}

    def _end_campaign(self, campaign: Resource) -> str:
        update = campaign.get("latestCampaignUpdate")
        if update:
            campaign |= {name: update[name] for name in ("solutionVersionArn", "minProvisionedTPS")}
        return ACTIVE

    def _create_recommender(self, params: Params) -> dict[str, Any]:
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        recipe = params["recipeArn"].removeprefix(RECIPE)
        if group.get("domain") != "ECOMMERCE":
            raise _invalid("recommenders need a domain dataset group")
        if recipe not in USE_CASES:
            raise _invalid(f"recipeArn: {recipe} is no use case of the domain: {', '.join(sorted(USE_CASES))}")
        _check_tps((params.get("recommenderConfig") or {}).get("minRecommendationRequestsPerSecond", 1))
        arn = f"{ARN}recommender/{params['name']}"
        limit(self._others("recommender", arn, group), MOST_RECOMMENDERS, "recommenders in a dataset group")
        self._add("recommender", arn, without_tags(params))
        return {"recommenderArn": arn}

    def _create_attribution(self, params: Params) -> dict[str, Any]:
        group = self.state.active("dataset-group", params["datasetGroupArn"])
        if len(params["metrics"]) > MOST_METRICS:
            raise _invalid(f"at most {MOST_METRICS} metrics")
        columns = {kind.title(): self._columns(group, kind) for kind in ("ITEMS", "INTERACTIONS")}
        for metric in params["metrics"]:
            found = EXPRESSION.fullmatch(metric["expression"])
            if found is None or (found[1] and columns[found[1]].get(found[2]) not in NUMBERS):
                raise _invalid(f"expression of {metric['metricName']}: SAMPLECOUNT() or SUM() of a numeric column of Items or Interactions")
        arn = f"{ARN}metric-attribution/{params['name']}"
        limit(self._others("metric-attribution", arn, group), 1, "metric attribution in a dataset group")
        self._add("metric-attribution", arn, without_tags(params))
        return {"metricAttributionArn": arn}

    def _columns(self, group: Resource, kind: str) -> dict[str, str]:
        fields: list[Field] = [
            field
            for dataset in self.state.of_group("dataset", group["datasetGroupArn"])
            if dataset["datasetType"] == kind
            for field in self.state.fields(dataset)
        ]
        return {field.name: field.type for field in fields}

    def _train(self, version: Resource) -> str:
        return self._ended(version, "")

    def _train_recommender(self, recommender: Resource) -> str:
        return self._ended(recommender, USE_CASES[recommender["recipeArn"].removeprefix(RECIPE)])

    def _ended(self, resource: Resource, event_type: str) -> str:
        """ACTIVE when the imported interactions are enough to learn from; otherwise why not."""
        group = resource["datasetGroupArn"].rsplit("/", 1)[1]
        rows = self.state.rows(group, "INTERACTIONS")
        events = [row for row in rows if not event_type or row.get("EVENT_TYPE") == event_type]
        users = Counter(row["USER_ID"] for row in rows)
        if len(events) < LEAST_EVENTS:
            resource["failureReason"] = f"{len(events)} interactions{f' of type {event_type}' if event_type else ''}, at least {LEAST_EVENTS} are needed to train"
            return FAILED
        if sum(count >= LEAST_EACH for count in users.values()) < LEAST_USERS:
            resource["failureReason"] = f"fewer than {LEAST_USERS} users with at least {LEAST_EACH} interactions each"
            return FAILED
        return ACTIVE

    def _others(self, kind: str, arn: str, group: Resource) -> int:
        """How many of a kind a group has; none of them counts against one that is there already and is refused for that."""
        found = self.state.of_group(kind, group["datasetGroupArn"])
        return 0 if any(one[MODEL_ARNS[kind]] == arn for one in found) else len(found)

    def _add(self, kind: str, arn: str, resource: Resource) -> None:
        self.state.add(kind, arn, {**resource, MODEL_ARNS[kind]: arn, "status": PENDING})


def _check_tps(tps: int) -> None:
    if tps > MOST_TPS:
        raise ServiceError("LimitExceededException", f"at most {MOST_TPS} requests a second")


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidInputException", why)

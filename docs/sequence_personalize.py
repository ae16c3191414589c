"""The recorded run of Personalize: data sets, everything that can be made on them, a second date, the shop's page, and a deletion.

Here: what is done, in order, with made-up customers. Not here: running it and drawing it (``sequences``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.aws_clients import aws_client
from omnichannel_assets.activation.personalize import put_event, recommendations
from omnichannel_assets.activation.personalize_batch import BatchJob, item_questions, question_files, run_batch_job, user_questions
from omnichannel_assets.activation.personalize_deletion import delete_users
from omnichannel_assets.activation.personalize_files import write_csv
from omnichannel_assets.activation.personalize_import import Source, import_datasets
from omnichannel_assets.activation.personalize_models import campaign, event_tracker, metric_attribution, recommender, solution_version
from omnichannel_assets.activation.personalize_resources import Resources
from omnichannel_assets.activation.personalize_schemas import schemas_of
from omnichannel_assets.activation.polling import Poll

if TYPE_CHECKING:
    from omnichannel_assets.sandbox import Sandbox

Step = tuple[str, Callable[[], object]]
SERVICES = {"personalize": "Personalize", "personalize-events": "Personalize events", "personalize-runtime": "Personalize runtime"}
USER, SEGMENT, USE_CASE = "aws-user-personalization-v2", "aws-item-affinity", "aws-ecomm-recommended-for-you"
ROLE = "arn:aws:iam::000000000000:role/personalize"
DOMAIN = "ECOMMERCE"
START = datetime(2026, 11, 1, tzinfo=UTC)
PEOPLE = [f"c_{number}" for number in range(40)]


def _rows(first: int, count: int) -> Any:
    """Some interactions of forty people with twelve items, one a minute."""
    import pyarrow as pa

    numbers = range(first, first + count)
    columns = {
        "USER_ID": [PEOPLE[number % 40] for number in numbers],
        "ITEM_ID": [f"P-{(number + number // 40) % 12}" for number in numbers],
        "TIMESTAMP": [START + timedelta(minutes=number) for number in numbers],
        "EVENT_TYPE": ["View" if number % 4 else "Purchase" for number in numbers],
        "EVENT_VALUE": [None if number % 4 else 19.5 for number in numbers],
        "CHANNEL": ["online"] * count,
    }
    return pa.table(columns)


def _others() -> dict[str, Any]:
    import pyarrow as pa

    items = [f"P-{number}" for number in range(12)]
    return {
        "Items": pa.table({"ITEM_ID": items, "PRICE": [9.5] * 12, "CATEGORY_L1": ["shoes"] * 12, "IN_STOCK": [True] * 12}),
        "Users": pa.table({"USER_ID": PEOPLE, "CHURN_BAND": ["low"] * 40, "REPURCHASE_DECILE": ["1"] * 40, "FAVOURITE_CHANNEL": ["online"] * 40}),
    }


class _Run:
    """The steps, over one sandbox; what one of them learned is known to the next."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox, self.versions, self.campaign, self.tracker = sandbox, {}, "", ""
        self.resources = Resources(self._client("personalize"), "shop", domain=DOMAIN, poll=Poll(sleep=lambda seconds: None))

    def _client(self, service: str) -> Any:
        return aws_client(service, region="us-east-1", endpoint_url=self.sandbox.url, access_key_id="sandbox", secret_access_key="sandbox")

    def _put(self, key: str, data: bytes) -> str:
        path = self.sandbox.folder / "s3" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"s3://sandbox/{key}"

    def _file(self, kind: str, rows: Any, name: str) -> str:
        return self._put(f"personalize/{kind}/{name}.csv", write_csv(schemas_of(DOMAIN)[kind], rows).data)

    def _imported(self, suffix: str, files: dict[str, Any]) -> None:
        how = {"group_name": "shop", "domain": DOMAIN, "role_arn": ROLE, "poll": self.resources.poll}
        import_datasets(self.resources.client, files, job_suffix=suffix, **how)

    def first_import(self) -> None:
        rows = {"Interactions": _rows(0, 1_200), **_others()}
        self._imported("2026-11-20", {kind: self._file(kind, found, "2026-11-20") for kind, found in rows.items()})

    def second_import(self) -> None:
        whole = self._file("Interactions", _rows(0, 2_300), "2026-11-27")
        added = self._file("Interactions", _rows(1_200, 1_100), "2026-11-27-added")
        self._imported("2026-11-27", {"Interactions": Source(lambda: whole, added, "2026-11-20")})

    def follow_events(self) -> None:
        self.tracker = event_tracker(self.resources).words
        metric_attribution(self.resources, "s3://sandbox/personalize/metrics/", ROLE)

    def train(self, recipe: str, suffix: str) -> None:
        self.versions[recipe] = solution_version(self.resources, recipe, suffix).words

    def serve(self) -> None:
        self.campaign = campaign(self.resources, USER, self.versions[USER]).words

    def ask(self, kind: Any, recipe: str, questions: Any) -> None:
        def put() -> str:
            for name, data in question_files(questions).items():
                self._put(f"personalize/{kind}/questions/{name}", data)
            return f"s3://sandbox/personalize/{kind}/questions/"

        answers = f"s3://sandbox/personalize/{kind}/answers/"
        run_batch_job(self.resources, BatchJob(kind, kind.lower(), self.versions[recipe], 20, put, answers), ROLE)

    def shop(self) -> None:
        recommendations(self._client("personalize-runtime"), self.campaign, user_id="c_1")
        call = {"messageId": "m-1", "anonymousId": "a-1", "event": "Product Viewed", "timestamp": "2026-11-28T10:00:00Z", "properties": {"product_id": "P-3"}}
        put_event(self._client("personalize-events"), self.tracker, call, user_id="c_1")

    def forget(self) -> None:
        put = lambda data: self._put("personalize/deletions/d.csv", data)  # noqa: E731
        delete_users(self.resources.client, ["c_7"], group_name="shop", name="d", put_file=put, role_arn=ROLE, poll=self.resources.poll)


def personalize_steps(sandbox: Sandbox) -> Iterator[Step]:
    """Two dates of a shop that has everything made, and one person deleted in the end."""
    run = _Run(sandbox)
    yield "first date: schemas, group, data sets, whole files imported", run.first_import
    yield "event_tracker and metric_attribution", run.follow_events
    yield "recommender of a use case of the domain", lambda: recommender(run.resources, USE_CASE)
    yield "solution: made, then its first version trained", lambda: run.train(USER, "2026-11-20")
    yield "campaign over that version", run.serve
    yield "batch_inference: questions are in the bucket, the answers will be", lambda: run.ask("BatchInference", USER, user_questions(PEOPLE))
    yield "batch_segment: a solution of its own, then the job", lambda: (run.train(SEGMENT, "2026-11-20"), run.ask("BatchSegment", SEGMENT, item_questions(["P-1"])))
    yield "next date: interactions were only added to, so these alone are imported", run.second_import
    yield "trained again, because data are new and a week has passed", lambda: run.train(USER, "2026-11-27")
    yield "the campaign moves to the new version", run.serve
    yield "the shop's page asks, and tells what happened", run.shop
    yield "somebody is deleted", run.forget

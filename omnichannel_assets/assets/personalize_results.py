"""Results of Personalize's batch jobs, read back into the lake: what it recommends each customer, and whom it expects to care for what.

Belongs here: what is asked, when, and publishing the answers. Not here: training (``personalize_parts``), the lines of the files
(``activation.personalize_batch``). A trained version is asked once, because answers are paid for one by one; the ledger remembers it. Nothing is
asked unless PERSONALIZE_CREATE names it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from omnichannel_assets.activation.calls import CallHook, no_hook
from omnichannel_assets.activation.ledger import Content, Entry
from omnichannel_assets.activation.outcomes import Outcome
from omnichannel_assets.activation.personalize_batch import (
    ERRORS_ENDING,
    MOST_QUERIES,
    OUTPUT_ENDING,
    Answers,
    BadLine,
    BatchJob,
    Kind,
    Question,
    category_questions,
    file_name,
    item_questions,
    question_files,
    read_answers,
    run_batch_job,
    subjects_of,
    user_questions,
)
from omnichannel_assets.assets.as_of import as_of_reads, known_before
from omnichannel_assets.assets.ledgers import StoredLedger, ledger_name
from omnichannel_assets.assets.personalize_parts import BATCH_STREAMS, resources_of, trained_version, where_of
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import Draft, StepReport, publish
from omnichannel_assets.assets.streams import Delivery, StreamResult, World, in_words
from omnichannel_assets.checks.contracts import conservation
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables_activation import PERSONALIZE_BATCH_ERRORS, PERSONALIZE_RECOMMENDATIONS, PERSONALIZE_SEGMENTS
from omnichannel_assets.resources.channels import Channels, is_reachable, open_channels
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

ITEMS_PER_CUSTOMER, CUSTOMERS_PER_SEGMENT, ITEMS_WITH_SEGMENT = 20, 1_000, 50


@dataclass(frozen=True)
class Batch:
    """One kind of batch job: the part of PERSONALIZE_CREATE that asks for it, its table, its questions and what its answers are."""

    part: str
    table: TableSchema
    kind: Kind
    results: int
    recipe: Callable[[Settings], str]
    questions: Callable[[World, Settings], Iterable[Question]]
    fields: tuple[str, ...]
    subject: str
    result: str

    @property
    def stream(self) -> str:
        return BATCH_STREAMS[self.part]


def ask_recommendations(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Ask Personalize for every customer's list, of the newest of some as-of dates, and publish the answers. Raises ChecksFailedError."""
    return _ask(workspace, as_ofs, hook, RECOMMENDATIONS)


def ask_segments(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook = no_hook) -> StepReport:
    """Ask Personalize who cares for items or categories, of the newest of some as-of dates, and publish the answers. Raises ChecksFailedError."""
    return _ask(workspace, as_ofs, hook, SEGMENTS)


def _ask(workspace: Workspace, as_ofs: Iterable[date], hook: CallHook, batch: Batch) -> StepReport:
    report = StepReport(batch.table, manifests=dict(workspace.lake.manifests(batch.table)))
    settings = workspace.settings
    days = known_before(workspace, as_ofs) if batch.part in settings.personalize_create else []
    if not days or not is_reachable(workspace, "personalize"):
        why = f"DELIVERY_MODE is {settings.delivery_mode} and does not reach it" if days else f"PERSONALIZE_CREATE does not name {batch.part}"
        report.figures["outcome"] = f"nothing asked: {why}"
        return report
    stored = StoredLedger(workspace, ledger_name(workspace, "personalize"))
    delivery = Delivery(workspace, "personalize", days[-1], hook, stored)
    version = trained_version(delivery, batch.recipe(settings))
    if version is None:
        delivery.results[batch.stream] = StreamResult(note=f"nothing asked: {batch.recipe(settings)} has no trained version yet")
    elif delivery.wants(batch.stream, is_campaign=False):
        with workspace.lake.engine() as engine, open_channels(workspace, hook) as channels:
            _Asking(delivery, World(workspace, engine, delivery.as_of), channels, batch, report).run(version)
    report.figures |= {"as_of": str(delivery.as_of), batch.stream: in_words(delivery.results[batch.stream])}
    report.unfinished = delivery.unfinished()
    return report.raise_failures()


@dataclass
class _Read:
    """What came back of all files; ``asked`` counts questions."""

    tables: list[pa.Table] = field(default_factory=list)
    bad: list[tuple[str, BadLine]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, answers: Answers, asked: set[str], batch: Batch) -> None:
        self.tables.append(answers.table(batch.subject, batch.result))
        self.bad += [(name, line) for line in answers.bad]
        self.counts["asked"] += len(asked)
        self.counts["with_results"] += answers.answered - answers.empty
        self.counts["without_results"] += answers.empty
        # A line that is about nobody we asked for answers no question; one about somebody spoils theirs.
        spoilt = {line.subject for line in answers.bad} & asked - answers.subjects_answered
        self.counts["bad"] += len(spoilt)
        self.counts["unanswered"] += len(asked - answers.subjects_answered - spoilt)
        self.counts["bad_lines"] += len(answers.bad)


class _Asking:
    """One batch job of one delivery."""

    def __init__(self, delivery: Delivery, world: World, channels: Channels, batch: Batch, report: StepReport):
        self.delivery, self.world, self.channels, self.batch, self.report = delivery, world, channels, batch, report
        self.workspace = delivery.workspace

    def run(self, version: Entry) -> None:
        """Ask, wait, publish, clear up; whatever of it an earlier run did already is not done again."""
        batch, delivery, stored = self.batch, self.delivery, self.delivery.stored
        fields = {"version": version.message_id, "results": batch.results, **where_of(delivery)}
        content = Content(batch.recipe(self.workspace.settings), None, fields, insists=True)
        sending = stored.begin(batch.stream, [content], delivery.as_of)
        for entry, _ in sending:
            outcome = Outcome(entry.destination_key, "loaded") if self._is_published(entry) else self._answered(entry, str(version.words))
            if outcome.state == "loaded":
                self._clear(entry)
            stored.ledger.settle(entry, outcome.state, outcome.words)
        stored.finish(batch.stream, delivery.as_of)
        delivery.count(batch.stream, [content], [], [entry.destination_key for entry, _ in sending])

    def _is_published(self, entry: Entry) -> bool:
        manifests = self.workspace.lake.manifests(self.batch.table).values()
        return any(manifest.digest == entry.message_id for manifest in manifests)

    def _answered(self, entry: Entry, version_arn: str) -> Outcome:
        """The job's outcome; its answers are published then."""
        folder = self._folder(entry)

        def put_questions() -> str:
            questions = self.batch.questions(self.world, self.workspace.settings)
            for name, data in question_files(questions).items():
                self.channels.put_file(f"{folder}questions/{name}", data)
            return self.channels.place_of(f"{folder}questions/")

        answers = self.channels.place_of(f"{folder}answers/")
        job = BatchJob(self.batch.kind, f"{self.batch.stream}-{entry.message_id}", version_arn, self.batch.results, put_questions, answers)
        outcome = run_batch_job(resources_of(self.workspace, self.channels), job, self.channels.personalize_role)
        if outcome.state != "loaded":
            return outcome
        read = self._read(folder)
        if not read.counts["with_results"]:
            return Outcome(entry.destination_key, "rejected", "the job ended without any answer that can be read")
        self._publish(entry, read)
        return Outcome(entry.destination_key, "loaded")

    def _folder(self, entry: Entry) -> str:
        return f"personalize/{self.batch.stream}/{entry.message_id}/"

    def _read(self, folder: str) -> _Read:
        """Every file's questions as they were asked, and what came back of them."""
        read, number = _Read(), 0
        while (questions := self.channels.get_file(f"{folder}questions/{file_name(number)}")) is not None:
            asked = subjects_of(questions)
            name = file_name(number) + OUTPUT_ENDING
            output = self.channels.get_file(f"{folder}answers/{name}") or b""
            errors = self.channels.get_file(f"{folder}answers/{file_name(number)}{ERRORS_ENDING}") or b""
            read.add(name, read_answers(output, self.batch.fields, asked), asked, self.batch)
            read.bad += [(file_name(number) + ERRORS_ENDING, line) for line in read_answers(errors, self.batch.fields, set()).bad]
            number += 1
        return read

    def _publish(self, entry: Entry, read: _Read) -> None:
        """The bad lines, then the answers: once these are there, the job counts as read."""
        import pyarrow as pa

        table, day = self.batch.table, self.delivery.as_of
        value = f"{self.batch.stream}-{day}"
        rows = [
            {"batch": value, "file": name, "line": bad.line, "subject": bad.subject or None, "words": bad.words, "payload": bad.payload}
            for name, bad in read.bad
        ]
        errors = StepReport(PERSONALIZE_BATCH_ERRORS)
        draft = Draft(pa.Table.from_pylist(rows, PERSONALIZE_BATCH_ERRORS.arrow()), entry.message_id, value, counts={"rows_out": len(rows)})
        publish(self.workspace, errors, draft)
        errors.raise_failures()
        data = pa.concat_tables(read.tables)
        fixed = {"as_of": pa.repeat(pa.scalar(day), data.num_rows), "subject_type": pa.repeat(_subject_type(self.batch, self.workspace.settings), data.num_rows)}
        for name in (name for name in table.names if name in fixed):
            data = data.append_column(name, fixed[name])
        told = {name: read.counts[name] for name in ("with_results", "without_results", "bad", "unanswered")}
        law = conservation(read.counts["asked"], told)
        counts = {**law.details, "bad_lines": len(read.bad), "rows_out": data.num_rows}
        publish(self.workspace, self.report, Draft(data.select(table.names), entry.message_id, day.isoformat(), counts=counts, checks=(law,)))
        self.report.raise_failures()

    def _clear(self, entry: Entry) -> None:
        """Take the files away, the last first, so that what is left after a crash is found again: they name customers, and no deletion job reads them."""
        folder, number = self._folder(entry), 0
        while self.channels.get_file(f"{folder}questions/{file_name(number)}") is not None:
            number += 1
        for name in (file_name(left) for left in reversed(range(number))):
            for key in (f"answers/{name}{OUTPUT_ENDING}", f"answers/{name}{ERRORS_ENDING}", f"questions/{name}"):
                self.channels.remove_file(folder + key)


def _subject_type(batch: Batch, settings: Settings) -> str:
    return "attribute" if batch.recipe(settings) == "aws-item-attribute-affinity" else "item"


def _about_customers(world: World, settings: Settings) -> Iterable[Question]:
    return user_questions(world.rows("personalize_users")["user_id"].to_pylist())


def _about_items(world: World, settings: Settings) -> Iterable[Question]:
    """The items most interactions are with, or the categories most items are of; of equal ones the first by name."""
    recipe = settings.personalize_segment_recipe
    if recipe == "aws-item-attribute-affinity":
        categories = Counter(category for category in world.rows("personalize_items")["category_l1"].to_pylist() if category)
        return category_questions(_most(categories, MOST_QUERIES[recipe]))
    return item_questions(_most(Counter(world.rows("personalize_interactions")["item_id"].to_pylist()), ITEMS_WITH_SEGMENT))


def _most(counts: Mapping[str, int], most: int) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


RECOMMENDATIONS = Batch(
    part="batch_inference",
    table=PERSONALIZE_RECOMMENDATIONS,
    kind="BatchInference",
    results=ITEMS_PER_CUSTOMER,
    recipe=lambda settings: settings.personalize_recipe,
    questions=_about_customers,
    fields=("userId",),
    subject="customer_id",
    result="item_id",
)
SEGMENTS = Batch(
    part="batch_segment",
    table=PERSONALIZE_SEGMENTS,
    kind="BatchSegment",
    results=CUSTOMERS_PER_SEGMENT,
    recipe=lambda settings: settings.personalize_segment_recipe,
    questions=_about_items,
    fields=("itemId", "itemAttributes"),
    subject="subject",
    result="customer_id",
)


def assets(as_of_days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage: after the delivery that trains what they ask."""
    steps: dict[TableSchema, Any] = {PERSONALIZE_RECOMMENDATIONS: ask_recommendations, PERSONALIZE_SEGMENTS: ask_segments}
    models = {PERSONALIZE_RECOMMENDATIONS: ("personalize_users",), PERSONALIZE_SEGMENTS: ("personalize_interactions", "personalize_items")}
    return [
        step_asset(
            table,
            step,
            group="recommend",
            deps=["personalize_delivery", *as_of_reads(*models[table])],
            checks=("contract", "conservation"),
            as_of=as_of_days,
            kinds=("parquet", "personalize"),
            owners=("team:data-science",),
        )
        for table, step in steps.items()
    ]

"""The clients of the channels, as DELIVERY_MODE says: the sandbox's (started for the delivery unless SANDBOX_URL names one) or the real ones.

Belongs here: addresses, credentials, where uploaded files go. Does not: what is sent (``assets/deliveries``), how it is spoken (``activation``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.aws_clients import Refused, aws_client, call_aws, error_code
from omnichannel_assets.activation.calls import called
from omnichannel_assets.errors import SettingError, UserError
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import Settings

if TYPE_CHECKING:
    from omnichannel_assets.activation.calls import CallHook
    from omnichannel_assets.activation.connect_campaigns import Outbound
    from omnichannel_assets.activation.connect_domain import Caller
    from omnichannel_assets.activation.polling import Poll
    from omnichannel_assets.activation.segment import SegmentClient
    from omnichannel_assets.activation.segment_regulations import SegmentRegulations

SANDBOX_KEY = "sandbox"
"""Write key, access key and bucket name of the sandbox."""
SANDBOX_ROLE = "arn:aws:iam::000000000000:role/sandbox"
SANDBOX_SENDER, SANDBOX_TEMPLATE = "shop@example.com", "arn:aws:wisdom:us-east-1:000000000000:message-template/sandbox/sandbox"
SANDBOX_SECONDS = 0.02


def sandbox_folder(workspace: Workspace) -> Path:
    """Where the sandbox keeps its inbox and state: beside the tables of the lake."""
    return workspace.lake.store.root / "sandbox"


def is_reachable(workspace: Workspace, channel: str) -> bool:
    """Whether the settings let a channel be sent to: always in the sandbox, only when listed in live use, never when off."""
    mode = workspace.settings.delivery_mode
    return mode == "sandbox" or (mode == "live" and channel in workspace.settings.live_channels)


@dataclass
class Channels:
    """Clients made on first use, for the time of one delivery."""

    workspace: Workspace
    stack: ExitStack
    hook: CallHook
    _aws: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def sandbox_url(self) -> str:
        """Address of the sandbox: the one that is named, or runs over this lake, or is started for the delivery."""
        if self.workspace.settings.sandbox_url:
            return self.workspace.settings.sandbox_url
        from omnichannel_assets.sandbox.server import reached

        return self.stack.enter_context(reached(sandbox_folder(self.workspace)))

    @property
    def is_live(self) -> bool:
        return self.workspace.settings.delivery_mode == "live"

    @cached_property
    def segment(self) -> SegmentClient:
        """Segment's tracking API."""
        return segment_of(self.workspace.settings, None if self.is_live else self.sandbox_url, hook=self.hook)

    @cached_property
    def regulations(self) -> SegmentRegulations:
        """Segment's Public API, for deletions. Raises SettingError when live use has no token for it."""
        return regulations_of(self.workspace.settings, None if self.is_live else self.sandbox_url, hook=self.hook)

    def aws(self, service: str) -> Any:
        """An AWS client of one service, with bounded standard retries; the same one each time."""
        if service not in self._aws:
            self._aws[service] = aws_of(self.workspace.settings, service, None if self.is_live else self.sandbox_url)
        return self._aws[service]

    def poll(self) -> Poll:
        """How to wait for a service's state: in the sandbox, which moves on at each look, not for long."""
        from omnichannel_assets.activation.polling import Poll

        return Poll() if self.is_live else Poll(every_seconds=SANDBOX_SECONDS)

    def caller(self, service: str) -> Caller:
        """An AWS service, called by the names of its model."""
        from omnichannel_assets.activation.connect_domain import Caller

        return Caller(self.aws(service), service, self.hook, self.poll())

    def outbound(self, campaign: str) -> Outbound:
        """The outbound campaign of Connect that a campaign of ours is sent by. The sandbox has one of its own name, made there."""
        from omnichannel_assets.activation.connect_campaigns import Outbound

        settings = self.workspace.settings
        starts, ours = settings.connect_start_campaigns == "on", self.workspace.campaigns.named(campaign)
        rests_days = ours.cooling_off_days if ours else 0
        if not self.is_live:
            return Outbound("", SANDBOX_KEY, SANDBOX_SENDER, SANDBOX_TEMPLATE, starts, rests_days)
        named = dict(pair.split("=", 1) for pair in settings.connect_campaigns)
        return Outbound(named.get(campaign, ""), settings.connect_instance_id, settings.connect_source_email, settings.connect_template_arn, starts, rests_days)

    @property
    def personalize_role(self) -> str:
        return self.workspace.settings.personalize_role_arn if self.is_live else SANDBOX_ROLE

    def put_file(self, key: str, data: bytes) -> str:
        """Put one file where Personalize reads it; returns its s3:// address. The same key and bytes give the same result.

        Raises RetryableError when it may work later, UserError when the bucket does not take it.
        """
        return self._upload(key, data) if self.is_live else called(self.hook, "s3.PutObject", lambda: self._keep(key, data))

    def place_of(self, key: str) -> str:
        """The s3:// address of a file or folder below which Personalize reads or writes."""
        return "s3://" + "/".join(self._object(key)) if self.is_live else f"s3://{SANDBOX_KEY}/{key}"

    def get_file(self, key: str) -> bytes | None:
        """What Personalize wrote there; None when there is nothing. Raises as `put_file`."""
        if not self.is_live:
            path = sandbox_folder(self.workspace) / "s3" / key
            return called(self.hook, "s3.GetObject", lambda: path.read_bytes() if path.is_file() else None)
        from botocore.exceptions import ClientError

        bucket, full = self._object(key)
        s3 = self.aws("s3")

        def read() -> bytes | None:
            try:
                return bytes(s3.get_object(Bucket=bucket, Key=full)["Body"].read())
            except ClientError as error:
                if error_code(error) == "NoSuchKey":
                    return None
                raise

        try:
            return call_aws(self.hook, "s3", "GetObject", read)
        except Refused as error:
            raise UserError(f"PERSONALIZE_S3_URI: files of {bucket} cannot be read ({error}). Fix: allow s3:GetObject and s3:ListBucket there.") from error

    def remove_file(self, key: str) -> None:
        """Take a file away again that was put for Personalize; one that is not there is gone already. Raises as `put_file`."""
        if not self.is_live:
            called(self.hook, "s3.DeleteObject", lambda: (sandbox_folder(self.workspace) / "s3" / key).unlink(missing_ok=True))
            return
        bucket, full = self._object(key)
        s3 = self.aws("s3")
        try:
            call_aws(self.hook, "s3", "DeleteObject", lambda: s3.delete_object(Bucket=bucket, Key=full))
        except Refused as error:
            raise UserError(f"PERSONALIZE_S3_URI: files of {bucket} cannot be removed ({error}). Fix: allow s3:DeleteObject there.") from error

    def _object(self, key: str) -> tuple[str, str]:
        bucket, _, prefix = self.workspace.settings.personalize_s3_uri.removeprefix("s3://").partition("/")
        return bucket, "/".join(part for part in (prefix.strip("/"), key) if part)

    def _upload(self, key: str, data: bytes) -> str:
        bucket, full = self._object(key)
        s3 = self.aws("s3")
        try:
            call_aws(self.hook, "s3", "PutObject", lambda: s3.put_object(Bucket=bucket, Key=full, Body=data))
        except Refused as error:
            raise UserError(f"PERSONALIZE_S3_URI: {bucket} does not take files ({error}). Fix: name a bucket of AWS_REGION that may be written.") from error
        return f"s3://{bucket}/{full}"

    def _keep(self, key: str, data: bytes) -> str:
        target = sandbox_folder(self.workspace) / "s3" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_bytes(data)
        partial.replace(target)
        return f"s3://{SANDBOX_KEY}/{key}"


def segment_of(settings: Settings, sandbox_url: str | None, **limits: Any) -> SegmentClient:
    """A client of Segment, or of a sandbox; ``limits`` are SegmentClient's own."""
    from omnichannel_assets.activation.segment import SegmentClient

    if sandbox_url is None:
        return SegmentClient(settings.segment_url, settings.segment_write_key.get_secret_value(), **limits)
    return SegmentClient(sandbox_url, SANDBOX_KEY, **limits)


def regulations_of(settings: Settings, sandbox_url: str | None, **limits: Any) -> SegmentRegulations:
    """A client of Segment's Public API, or of a sandbox; ``limits`` are SegmentRegulations' own."""
    from omnichannel_assets.activation.segment_regulations import SegmentRegulations

    if sandbox_url is not None:
        return SegmentRegulations(sandbox_url, SANDBOX_KEY, source_id=SANDBOX_KEY, **limits)
    token = settings.segment_public_api_token.get_secret_value()
    if not token:
        raise SettingError("SEGMENT_PUBLIC_API_TOKEN", "", expected="a token that may delete users", fix="set it, then run again", secret=True)
    return SegmentRegulations(settings.segment_public_api_url, token, source_id=settings.segment_source_id, **limits)


def aws_of(settings: Settings, service: str, sandbox_url: str | None, **limits: Any) -> Any:
    """A client of AWS, with the credentials AWS tools find, or of a sandbox; ``limits`` are aws_client's own."""
    keys = {} if sandbox_url is None else {"endpoint_url": sandbox_url, "access_key_id": SANDBOX_KEY, "secret_access_key": SANDBOX_KEY}
    return aws_client(service, region=settings.aws_region, **keys, **limits)


@contextmanager
def open_channels(workspace: Workspace, hook: Callable[[str], None]) -> Iterator[Channels]:
    """The channels' clients; a sandbox that was started for them ends with them. ``hook`` is called around every external call."""
    with ExitStack() as stack:
        yield Channels(workspace, stack, hook)

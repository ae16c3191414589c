"""The Dagster resource that opens a workspace inside a step. Nothing is opened and no secret is read while definitions load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from omnichannel_assets.resources.workspace import Workspace, plain_settings
from omnichannel_assets.settings import Settings, load_settings


class WorkspaceResource(dg.ConfigurableResource):
    """Landing zone, lake and settings. Secrets such as IDENTITY_KEY come from the environment when a step runs."""

    settings: dict[str, str] = Field(
        default_factory=dict, description="Settings by field name. Secrets are read from the environment when a step runs."
    )

    @classmethod
    def of(cls, settings: Settings) -> WorkspaceResource:
        """The resource for settings that were already read and validated."""
        return cls(settings=plain_settings(settings))

    def open(self) -> Workspace:
        """The workspace, for reading."""
        return Workspace(load_settings(self.settings))

    @contextmanager
    def writing(self) -> Iterator[Workspace]:
        """The workspace with the lake's lock held. Raises LockedError when another run keeps it."""
        workspace = self.open()
        with workspace.lake.writing():
            yield workspace

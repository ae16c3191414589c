from __future__ import annotations

from omnichannel_assets_tests.sandbox.conftest import clients, sandbox, started

__all__ = ["clients", "sandbox", "started"]

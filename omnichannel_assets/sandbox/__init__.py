"""Local stand-ins for the cloud services: they speak the real protocols over HTTP, check every request, keep an inbox, and fail on demand."""

from omnichannel_assets.sandbox.inbox import Inbox
from omnichannel_assets.sandbox.server import Sandbox, serve

__all__ = ["Inbox", "Sandbox", "serve"]

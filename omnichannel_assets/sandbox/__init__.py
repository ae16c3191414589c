"""Local stand-ins for the cloud services: they speak the real protocols over HTTP, check every request, keep an inbox, and fail on demand."""

"""The small web service that answers the shop's pages and relays its events: FastAPI over the lake's tables or Personalize."""

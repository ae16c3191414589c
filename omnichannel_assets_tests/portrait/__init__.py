"""One customer drawn and explained."""

"""What a campaign was worth: people in arms, what they did, and what can be said of the difference. Plain arrays and Arrow tables in and out."""

"""The declared table of the list of erased people: salted hashes that every later ingest is held against."""

from __future__ import annotations

from omnichannel_assets.lake.schema import TableSchema, required

ERASURES = TableSchema(
    "erasures",
    "The list of erased people, as salted hashes: what arrives and names one of them is dropped, for ever. Holds no clear value. Keep it with the lake.",
    (
        required("erasure_id", "text", "one request: its certificate has this name below erasures/"),
        required("erased_at", "timestamp", "when it was asked for (wall clock)"),
        required("kind", "text", "what was hashed: an identifier type, order_id, customer_id, or mention (a spelling that is recognised in any text); region: see subject_hash"),
        required("subject_hash", "text", "salted hash of kind and value, with a key derived from IDENTITY_KEY; for kind region a country whose way of writing phones is tried"),
        required("key_check", "text", "which IDENTITY_KEY the hash was made with: another one would recognise nobody, so it is refused"),
    ),
    ("erasure_id", "kind", "subject_hash"),
)

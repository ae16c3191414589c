"""The ledger's rules: only what changed is sent, what did not end well is tried again, what was refused is not."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.activation.ledger import Content, Ledger

DAY, NEXT = date(2026, 7, 1), date(2026, 7, 2)


def content(value: object, key: str = "user_id:U1") -> Content:
    return Content(key, "c_1", {"score": value})


def deliver(ledger: Ledger, value: object, state: str = "loaded", as_of: date = DAY) -> list[str]:
    """Message ids sent for one content, all ending in one state."""
    sending = ledger.begin("scores", [content(value)], as_of)
    for entry, _ in sending:
        ledger.settle(entry, state)
    return [entry.message_id for entry, _ in sending]


def test_what_is_loaded_is_not_sent_again():
    ledger = Ledger()
    assert len(deliver(ledger, 1)) == 1
    assert deliver(ledger, 1, as_of=NEXT) == []


def test_a_change_is_sent():
    ledger = Ledger()
    assert deliver(ledger, 1) != deliver(ledger, 2)


def test_a_failure_is_tried_again_under_the_same_message_id():
    ledger = Ledger()
    assert deliver(ledger, 1, "failed") == deliver(ledger, 1, as_of=NEXT)
    (entry,) = ledger.entries()
    assert (entry.attempts, entry.state, entry.as_of) == (2, "loaded", NEXT)


def test_a_rejection_is_kept_and_not_tried_again_until_the_content_changes():
    ledger = Ledger()
    deliver(ledger, 1, "rejected")
    assert deliver(ledger, 1) == []
    assert len(deliver(ledger, 2)) == 1


def test_a_content_that_comes_back_is_sent_again_under_another_message_id():
    ledger = Ledger()
    first = deliver(ledger, 1)
    deliver(ledger, 2)
    again = deliver(ledger, 1)
    assert again != first
    assert len(again) == 1
    assert ledger.newest("scores")["user_id:U1"].content_hash == content(1).hash


def test_after_a_crash_what_was_pending_is_sent_again_even_if_the_older_content_is_wanted_now():
    ledger = Ledger()
    deliver(ledger, 1)
    ledger.begin("scores", [content(2)], DAY)  # killed here: nobody knows whether 2 arrived
    assert len(deliver(Ledger(ledger.entries()), 1)) == 1


def test_streams_do_not_mix():
    ledger = Ledger()
    deliver(ledger, 1)
    assert len(ledger.begin("win_back", [content(1)], DAY)) == 1


def test_message_ids_differ_between_people_with_the_same_content():
    ledger = Ledger()
    sending = ledger.begin("scores", [content(1, "user_id:U1"), content(1, "user_id:U2")], DAY)
    assert len({entry.message_id for entry, _ in sending}) == 2


def test_message_ids_keep_segments_limit():
    ledger = Ledger()
    assert all(len(name) < 100 for name in deliver(ledger, "x" * 10_000))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.sampled_from(["loaded", "failed", "rejected", "pending"])), max_size=12))
def test_the_destination_ends_with_the_last_content_it_took(history):
    """Law: replaying message ids once each, what a destination holds is the newest loaded content, whatever failed in between."""
    ledger, held, seen = Ledger(), None, set()
    for value, state in history:
        ledger = Ledger(ledger.entries())
        for entry, sent in ledger.begin("scores", [content(value)], DAY):
            if state in ("loaded", "pending") and entry.message_id not in seen:
                seen.add(entry.message_id)
                held = sent.hash
            if state != "pending":
                ledger.settle(entry, state)
    newest = ledger.newest("scores").get("user_id:U1")
    if newest and newest.state == "loaded":
        assert held == newest.content_hash


def test_what_insists_is_tried_again_after_a_refusal_on_a_newer_date_only_and_under_another_message_id():
    ledger, removal = Ledger(), Content("user_id:U1", "c_1", {"win_back": False}, insists=True)
    ((entry, _),) = ledger.begin("win_back", [removal], DAY)
    ledger.settle(entry, "rejected")
    assert ledger.begin("win_back", [removal], DAY) == []
    ((again, _),) = ledger.begin("win_back", [removal], NEXT)
    assert again.message_id != entry.message_id
    assert (again.attempts, again.state) == (2, "pending")
    ledger.settle(again, "loaded")
    assert ledger.begin("win_back", [removal], date(2026, 7, 3)) == []

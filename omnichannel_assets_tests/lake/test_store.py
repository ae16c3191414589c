"""The store: whole objects replaced atomically, listed in key order, nothing of its scratch visible."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.store import LocalStore, landing_store


class CrashError(Exception):
    pass


def crashing(key: str) -> None:
    raise CrashError(key)


@pytest.fixture
def store(tmp_path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def fill(store: LocalStore, *keys: str) -> None:
    for key in keys:
        store.write(key, key.encode())


def keys(store: LocalStore, prefix: str = "") -> list[str]:
    return [listed.key for listed in store.list(prefix)]


def test_a_store_that_is_not_there_yet_is_empty(store):
    assert (keys(store), store.folders(), store.folders("a/"), store.exists("a")) == ([], [], [], False)


def test_what_is_written_is_read_back_and_replaced(store):
    store.write("a/b", b"old")
    store.write("a/b", b"new")
    assert (store.read("a/b"), keys(store)) == (b"new", ["a/b"])


def test_a_crash_before_a_write_leaves_the_old_object_and_no_trace_in_listings(store):
    store.write("a/b", b"old")
    broken = LocalStore(store.root, crashing)
    for key in ("a/b", "a/c"):
        with pytest.raises(CrashError):
            broken.write(key, b"new")
    assert (store.read("a/b"), keys(store)) == (b"old", ["a/b"])


def test_a_reader_that_has_the_old_object_open_keeps_reading_it(store):
    store.write("a", b"old" * 1000)
    with (store.root / "a").open("rb") as reader:
        reader.read(3)
        store.write("a", b"new")
        assert reader.read() == b"old" * 999
    assert store.read("a") == b"new"


def test_taking_a_finished_file_moves_it_and_makes_it_readable_for_others(store):
    finished = store.scratch / "done"
    finished.write_bytes(b"x")
    finished.chmod(0o600)
    store.take("deep/er/key", finished)
    assert not finished.exists()
    assert (store.root / "deep/er/key").stat().st_mode & 0o777 == 0o644


def test_a_listing_is_complete_and_in_key_order(store):
    names = ["b", "a/2", "a-b", "a/1", "a/10", "a/b/c", "a.b", "z é/'\" x"]
    fill(store, *names)
    assert keys(store) == sorted(names)
    assert keys(store, "a/") == ["a/1", "a/10", "a/2", "a/b/c"]


@pytest.mark.parametrize(("prefix", "found"), [("a", ["a/1", "ab/1", "abc"]), ("a/", ["a/1"]), ("ab", ["ab/1", "abc"]), ("ab/1", ["ab/1"]), ("x", []), ("a/x", []), ("none/", [])])
def test_a_prefix_selects_keys_by_their_beginning_as_on_s3(store, prefix, found):
    fill(store, "a/1", "ab/1", "abc", "b")
    assert sorted(keys(store, prefix)) == found


def test_hidden_files_and_scratch_are_never_listed(store):
    fill(store, "a")
    (store.root / ".hidden").write_bytes(b"x")
    (store.scratch / "lock").write_bytes(b"x")
    (store.root / ".rsync-tmp").mkdir()
    (store.root / ".rsync-tmp" / "f").write_bytes(b"half")
    assert (keys(store), store.folders()) == (["a"], [])


def test_folders_are_names_one_level_below(store):
    fill(store, "b/x", "a/y/z", "file")
    assert store.folders() == ["a", "b"]
    assert store.folders("a/") == ["y"]


def test_the_token_of_an_object_changes_when_it_is_rewritten(store):
    def token() -> str:
        return next(store.list("a")).token

    store.write("a", b"same")
    first = token()
    assert token() == first
    os.utime(store.root / "a", ns=(1, 1))
    second = token()
    store.write("a", b"same size"[:4])
    assert len({first, second, token()}) == 3


def test_a_folder_linked_into_a_store_is_listed_like_any_other(store, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").write_bytes(b"x")
    store.write("a", b"")
    (store.root / "linked").symlink_to(tmp_path / "elsewhere")
    assert keys(store, "linked/") == ["linked/f"]


def test_a_landing_zone_that_is_missing_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="LANDING_URI"):
        landing_store(str(tmp_path / "nowhere"))


names = st.text("ab.-_ ", min_size=1, max_size=3).filter(lambda name: not name.startswith(".") and name.strip())


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.sets(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=6), st.text("ab/", max_size=3))
def test_any_listing_is_what_its_prefix_says(tmp_path_factory, wanted, prefix):
    store = LocalStore(tmp_path_factory.mktemp("any"))
    written = []
    for key in sorted(wanted):
        if not any(key.startswith(other + "/") for other in written):
            store.write(key, b"x")
            written.append(key)
    assert keys(store, prefix) == sorted(key for key in written if key.startswith(prefix))

"""Files that were taken in: scanned, indexed once, checked against their names; and scans in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from archive import Collection
from archive.errors import OriginalMissing, StorageError
from archive.store import scan
from archive.store.scan_worker import lines
from archive.store.scanning import Scanners
from archive.warc.exchanges import Gap
from tests.exchanges import exchange, numbered
from tests.imported import Page, lay, name_of, take_in, warc

ONE = [Page(1, b"one"), Page(2, b"two")]
FIRST = ("http://example.org/1", "2020-01-01T00:00:00Z")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    Collection(folder, write=True).close()
    return folder


def adopted(home: Path, *files: list[Page]) -> Path:
    """Take files in, publish, and return the path of the last."""
    with Collection(home, write=True) as collection:
        for pages in files:
            take_in(collection, warc(pages))
        collection.publish()
    return home / "warc" / name_of(warc(files[-1]))


def problems(home: Path) -> list[str]:
    with Collection(home) as collection:
        return [str(problem) for problem in collection.verify()]


def captures(home: Path) -> list[tuple[str, str, str]]:
    with Collection(home) as collection:
        return [(one.url, one.kind, one.digest[:12]) for one in collection.captures()]


# taking in


def test_file_is_taken_in_byte_for_byte_and_read(home: Path) -> None:
    path = adopted(home, ONE)
    assert path.read_bytes() == warc(ONE)
    with Collection(home) as collection:
        (capture,) = collection.captures("http://example.org/2")
        assert collection.read(capture).body.read() == b"two"
        assert list(collection.unread()) == []
    assert problems(home) == []


def test_adopted_counts_what_is_new_and_what_was_known(home: Path) -> None:
    with Collection(home, write=True) as collection:
        assert take_in(collection, warc(ONE)).new == 2
        again = take_in(collection, warc([*ONE, Page(3, b"three"), ONE[0]]))
        assert (again.new, again.known) == (1, 3)
        assert collection.stats().captures == 3


def test_known_capture_at_a_smaller_place_gets_a_new_sequence(home: Path) -> None:
    with Collection(home, write=True) as collection:
        take_in(collection, warc(ONE), "b")
        take_in(collection, warc([ONE[1]]), "a")
        found = {one.url[-1]: (one.sequence, one.file[0]) for one in collection.captures()}
    assert found == {"1": (1, "b"), "2": (3, "a")}


def test_file_of_that_name_stays_as_it_is(home: Path) -> None:
    with Collection(home, write=True) as collection:
        take_in(collection, warc(ONE))
        with pytest.raises(StorageError, match="there is a file of that name"):
            take_in(collection, warc(ONE))


def test_pieces_that_fail_leave_nothing_in_the_index(home: Path) -> None:
    data = warc(ONE)
    with Collection(home, write=True) as collection:
        part = lay(home, data, name_of(data))

        def broken():
            yield from (one for one in scan.pieces(part, name_of(data)) if not isinstance(one, Gap))
            raise ValueError("stop")

        with pytest.raises(ValueError, match="stop"):
            collection.adopt(part, name_of(data), broken())
        assert part.exists()
        assert list(collection.captures()) == []
    Collection(home, write=True).close()
    assert not part.exists()


def test_file_whose_rows_were_not_committed_is_indexed_at_the_next_start(home: Path) -> None:
    data = warc(ONE)
    lay(home, data, name_of(data)).rename(home / "warc" / name_of(data))
    with Collection(home, write=True) as collection:
        assert [one.url for one in collection.recovered] == [page.url for page in ONE]
    assert problems(home) == []


def test_own_capture_may_point_to_an_imported_response(home: Path) -> None:
    adopted(home, ONE)
    with Collection(home, write=True) as collection:
        capture = collection.add(exchange("http://example.com/x", b"two"))
        collection.sync()
        assert capture.kind == "revisit"
        assert collection.read(capture).body.read() == b"two"
    assert problems(home) == []


# revisits


@pytest.mark.parametrize("is_first", [True, False])
def test_revisit_finds_its_original_by_digest_whichever_came_first(
    home: Path, is_first: bool
) -> None:
    revisit = [Page(9, day=5, repeats=b"one")]
    adopted(home, *([revisit, ONE] if is_first else [ONE, revisit]))
    with Collection(home) as collection:
        (capture,) = collection.captures("http://example.org/9")
        assert collection.read(capture).body.read() == b"one"
    assert problems(home) == []


def test_revisit_prefers_what_it_names_then_its_own_address_then_the_earliest(home: Path) -> None:
    same = [Page(1, b"x", day=3), Page(2, b"x", day=1), Page(3, b"x", day=2)]
    named = ("http://example.org/1", "2020-01-03T00:00:00Z")
    revisits = [
        Page(2, day=9, repeats=b"x", refers_to=named),
        Page(3, day=9, repeats=b"x"),
        Page(4, day=9, repeats=b"x"),
    ]
    adopted(home, revisits, same)
    with Collection(home) as collection:
        originals = {one.record_id: one.url for one in collection.captures() if not one.original}
        found = [originals[one.original] for one in collection.captures() if one.original]
    assert [url[-1] for url in found] == ["1", "3", "2"]


def test_revisit_whose_original_is_elsewhere_says_so_and_is_no_problem(home: Path) -> None:
    adopted(home, [Page(9, repeats=b"one", refers_to=FIRST)])
    assert problems(home) == []
    with Collection(home) as collection:
        (capture,) = collection.captures()
        assert (capture.original, capture.digest[:5]) == ("", "sha1:")
        with pytest.raises(OriginalMissing, match="import the file that holds it"):
            collection.read(capture)


def test_revisit_gets_a_new_sequence_when_its_original_comes(home: Path) -> None:
    adopted(home, [Page(9, repeats=b"one")])
    adopted(home, ONE)
    with Collection(home) as collection:
        (capture,) = collection.captures("http://example.org/9")
        assert capture.sequence == 4
        assert capture.digest.startswith("sha256:")


def test_revisit_of_a_capture_that_is_forgotten_is_without_original_again(home: Path) -> None:
    adopted(home, [Page(9, repeats=b"one")])
    gone = adopted(home, ONE)
    with Collection(home, write=True) as collection:
        collection.state.execute("DELETE FROM captures WHERE file = (SELECT max(id) FROM files)")
        gone.unlink()
        collection.repair()
        (capture,) = collection.captures()
        assert capture.original == ""


# verify


def test_flipped_byte_anywhere_in_an_imported_file_is_found(home: Path) -> None:
    path = adopted(home, ONE)
    whole = path.read_bytes()
    for offset in range(0, len(whole), 23):
        data = bytearray(whole)
        data[offset] ^= 1
        path.write_bytes(data)
        assert any("its SHA-256 is another" in problem for problem in problems(home)), offset
    path.write_bytes(whole)
    assert problems(home) == []


def test_damaged_record_of_an_imported_file_is_named_and_never_indexed(home: Path) -> None:
    path = adopted(home, ONE)
    changed = warc([ONE[0], Page(2, b"owt")])
    path.write_bytes(changed)
    found = problems(home)
    assert any("http://example.org/2" in problem for problem in found)
    assert any("its SHA-256 is another" in problem for problem in found)
    before = captures(home)
    with Collection(home, write=True) as collection:
        assert collection.repair() == ()
    assert captures(home) == before


def test_flawed_file_that_was_taken_in_is_no_problem(home: Path) -> None:
    data = warc(ONE) + b"\0" * 100
    with Collection(home, write=True) as collection:
        take_in(collection, data)
        collection.publish()
    assert problems(home) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM captures",
        "UPDATE captures SET status = 500",
        "UPDATE captures SET stated = ''",
        "UPDATE captures SET original = 'urn:x' WHERE kind = 'revisit'",
        "UPDATE captures SET offset = offset + 1",
    ],
)
def test_rows_of_an_imported_file_that_are_wrong_are_found_and_mended(
    home: Path, statement: str
) -> None:
    adopted(home, [*ONE, Page(9, repeats=b"one")])
    before = captures(home)
    with Collection(home, write=True) as collection:
        collection.state.execute(statement)
    assert any("verify --repair" in problem for problem in problems(home))
    with Collection(home, write=True) as collection:
        collection.repair()
    assert problems(home) == []
    assert captures(home) == before


def test_imported_file_that_is_gone_is_told(home: Path) -> None:
    adopted(home, ONE).unlink()
    assert any("the file is gone" in problem for problem in problems(home))


def test_part_of_a_killed_import_is_told_and_removed_at_the_next_start(home: Path) -> None:
    lay(home, b"x", "old.warc.gz")
    assert any("import that was killed" in problem for problem in problems(home))
    Collection(home, write=True).close()
    assert problems(home) == []


# processes


def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True, max_file_bytes=3_000) as collection:
        for number in range(25):
            collection.add(numbered(number))
    adopted(home, ONE)
    files = [(path, path.name) for path in sorted((home / "warc").iterdir())]
    found: dict[str, list[list[object]]] = {}
    with Scanners(3) as scanners:
        for scanned in scanners.scan(files):
            found.setdefault(scanned.name, []).extend(scanned.lines)
    assert found == {name: [list(line) for line in lines(path, name)] for path, name in files}


def test_file_that_can_not_be_read_is_told_and_ends_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing-00001-20240101000000.warc.gz"
    with Scanners(1) as scanners:
        (scanned,) = scanners.scan([(missing, missing.name)])
    assert scanned.lines == [["e", "No such file or directory"]]


def test_scans_that_nobody_wants_any_more_end(tmp_path: Path) -> None:
    home = tmp_path / "c"
    with Collection(home, write=True) as collection:
        for number in range(600):
            collection.add(numbered(number, 80))
    files = [(path, path.name) for path in (home / "warc").iterdir()]
    with Scanners(1) as scanners:
        next(scanners.scan(files))
    assert all(process.returncode is not None for process in scanners._processes)


# reading where nothing can be written


def test_copy_with_a_log_is_read_where_nothing_can_be_written() -> None:
    code = (
        "import os, sys; from pathlib import Path; from archive import Collection;"
        "os.getuid() or os.setuid(65534); c = Collection(Path(sys.argv[1]));"
        "print(len(list(c.captures())), len(list(c.verify()))); c.close()"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home, copy = Path(folder) / "c", Path(folder) / "copy"
        with Collection(home, write=True) as collection:
            collection.add(exchange())
            collection.sync()
            shutil.copytree(home, copy)
        (copy / "state.sqlite-shm").unlink()
        assert (copy / "state.sqlite-wal").stat().st_size
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        scratch.chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", code, str(copy)],
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            timeout=60,
            check=False,
        )
        left = list(scratch.iterdir())
        for path in [copy, copy / "warc"]:
            path.chmod(0o700)
    assert (done.stdout[:2], done.stderr) == (b"1 ", b"")
    assert left == []

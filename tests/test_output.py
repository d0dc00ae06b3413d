"""Facts about what commands print: closed pipes, full disks, poor locales, narrow terminals."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from archive import Collection
from archive.index import Index
from archive.index.observation import Observation, read
from archive.model import Article, PageType
from tests.exchanges import exchange
from tests.program import ROOT, command, environment, muragat

HEADLINE = "Көктем әні — весна"
URL = "http://example.test/article"


@pytest.fixture
def filled(tmp_path):
    home = tmp_path / "home"
    with Collection(home, write=True) as collection:
        collection.add(exchange(URL))
        for number in range(60):
            collection.add(exchange(f"http://example.test/{number}"))
        collection.sync()
        collection.publish()
        [capture] = collection.captures(URL)
    with Index(home, write=True) as index:
        article = Article(PageType.ARTICLE, headline=HEADLINE, text="A sentence. " * 40)
        index.add(Observation(capture, URL, read(article)))
        index.commit()
        index.publish()
    return home


def run(words, *, stdout, stderr=subprocess.PIPE, **more):
    return subprocess.run(
        words,
        stdout=stdout,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env=environment() | more,
        check=False,
        timeout=60,
    )


@pytest.fixture
def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("words", [("list", "http://example.test/*"), ("show", URL)])
def test_a_closed_pipe_is_no_error(filled, closed_pipe, words):
    done = run(command(filled, *words), stdout=closed_pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_for_both_streams_is_no_error(filled, closed_pipe):
    done = run(
        command(filled, "list", "http://nowhere.test/"), stdout=closed_pipe, stderr=closed_pipe
    )
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_finds_no_room_is_told_in_one_line(filled):
    with Path("/dev/full").open("w") as full:
        done = run(command(filled, "list", "http://example.test/*"), stdout=full)
    assert done.stderr == "muragat: standard output or input: No space left on device\n"
    assert done.returncode == 4


def test_letters_that_the_locale_lacks_are_written_as_escapes(filled):
    done = run(command(filled, "show", URL), stdout=subprocess.PIPE, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert done.stdout.startswith("\\u041a\\u04e9\\u043a\\u0442\\u0435\\u043c")


def test_text_fits_into_the_terminal(filled):
    shown = run(command(filled, "show", URL), stdout=subprocess.PIPE, COLUMNS="60").stdout
    lines = shown.splitlines()
    assert max(len(line) for line in lines if line.startswith("A sentence")) <= 60


def test_verify_repair_makes_no_collection(tmp_path):
    done = muragat(tmp_path / "mistyped", "verify", "--repair")
    assert done.code == 2
    assert "no collection here" in done.err
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("words", [("show", URL), ("rebuild",)])
def test_no_collection_is_told_in_the_same_words(tmp_path, words):
    done = muragat(tmp_path / "mistyped", *words)
    assert done.code == 2
    assert done.err.startswith(f"muragat: {tmp_path / 'mistyped'}: no collection here;")

"""Facts about the command line: what it says of bad input, and what it returns."""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys

import click
import pytest

from archive import Collection
from crawler.cli import COMMANDS
from crawler.cli import muragat as root
from tests.exchanges import exchange
from tests.program import ROOT, environment, muragat
from tests.sites.demo import DemoSite


def command_named(name: str) -> click.Command:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    return command


@pytest.fixture
def filled(tmp_path):
    home = tmp_path / "home"
    with Collection(home, write=True) as collection:
        collection.add(exchange("http://example.test/a"))
        collection.add(exchange("http://example.test/b"))
        collection.sync()
        collection.publish()
    return home


def test_help_names_every_command(tmp_path):
    run = muragat(tmp_path, "--help")
    assert run.code == 0
    assert all(name in run.out for group in COMMANDS.values() for name in group)


def test_help_lines_are_those_of_the_commands():
    lines = {name: line for group in COMMANDS.values() for name, (_, line) in group.items()}
    assert lines == {name: command_named(name).short_help for name in lines}


def test_every_option_is_explained():
    for group in COMMANDS.values():
        for name in group:
            for parameter in command_named(name).params:
                assert isinstance(parameter, click.Argument) or vars(parameter)["help"], name


def test_version_starts_without_scrapy(tmp_path):
    code = (
        "import sys; sys.argv = ['muragat', 'version']\n"
        "from crawler.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('scrapy', 'twisted', 'trafilatura') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=True,
    )
    assert ast.literal_eval(done.stdout.splitlines()[-1]) == []


def test_an_unknown_command_is_a_usage_error(tmp_path):
    run = muragat(tmp_path, "crwal")
    assert run.code == 2
    assert "crwal" in run.err


@pytest.mark.parametrize("words", [("crawl", "nosuchsite"), ("try", "nosuchsite")])
def test_an_unknown_site_is_named_with_the_way_to_the_list(tmp_path, words):
    run = muragat(tmp_path / "home", *words)
    assert run.code == 2
    assert run.err == "muragat: no site is called 'nosuchsite'; 'muragat sites' lists the names\n"


def test_a_misspelt_site_gets_a_suggestion(tmp_path):
    assert "did you mean 'dimashnews'" in muragat(tmp_path, "crawl", "dimashnws").err


def test_an_address_that_is_none_is_refused(tmp_path):
    run = muragat(tmp_path / "home", "crawl", "http://[")
    assert run.code == 2
    assert "is not an address that can be crawled" in run.err
    assert not (tmp_path / "home").exists()


def test_a_broken_sites_file_is_told_by_line_and_key(tmp_path):
    sites = tmp_path / "sites.toml"
    sites.write_text('[[site]]\nname = "x"\nseeds = ["https://x.test/"]\nlanguage = "en"\n')
    run = muragat(tmp_path / "home", "--sites", sites, "sites")
    assert run.code == 2
    assert f"{sites}:4:" in run.err
    assert "did you mean 'languages'" in run.err


@pytest.mark.parametrize("words", [("verify",), ("stats",), ("list", "http://a.test/")])
def test_a_folder_that_is_no_collection_is_a_usage_error(tmp_path, words):
    run = muragat(tmp_path / "nothing", *words)
    assert run.code == 2
    assert run.err.startswith("muragat: ")
    assert "--home" in run.err or "crawl" in run.err


def test_a_folder_of_other_things_is_not_made_a_collection(tmp_path):
    (tmp_path / "thesis.odt").write_text("mine")
    with DemoSite() as site:
        run = muragat(tmp_path, "crawl", site.base)
    assert run.code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.odt"]


def test_a_locked_collection_is_told_with_its_holder(tmp_path, filled):
    with Collection(filled, write=True), DemoSite() as site:
        run = muragat(filled, "crawl", site.base)
    assert run.code == 4
    assert f"process {os.getpid()} is writing" in run.err


def test_a_state_of_a_newer_version_is_refused(filled):
    connection = sqlite3.connect(filled / "state.sqlite")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    run = muragat(filled, "stats")
    assert run.code == 4
    assert "999" in run.err


def test_a_state_that_is_no_database_is_told_with_the_repair(filled):
    for name in ("state.sqlite-wal", "state.sqlite-shm"):
        (filled / name).unlink(missing_ok=True)
    (filled / "state.sqlite").write_bytes(b"rubbish" * 1000)
    run = muragat(filled, "stats")
    assert run.code == 4
    assert "state.sqlite" in run.err


def test_a_site_that_is_down_fails_with_a_reason(tmp_path):
    run = muragat(tmp_path / "home", "crawl", "http://127.0.0.1:9/", "--json")
    assert run.code == 3
    [report] = run.lines
    assert set(report["outcomes"]) == {"connection"}
    assert "nothing was captured" in report["warnings"][0]


def test_a_site_whose_name_does_not_resolve_fails_with_a_reason(tmp_path):
    run = muragat(tmp_path / "home", "crawl", "http://no-such-host.invalid/", "--json")
    assert run.code == 3
    assert set(run.lines[0]["outcomes"]) == {"dns"}


def test_a_private_address_that_a_site_redirects_to_is_not_connected_to(tmp_path):
    with DemoSite() as site, DemoSite() as private:
        run = muragat(tmp_path / "home", "crawl", site.base, "--delay", 0, "--max-pages", 3)
    assert run.code == 0
    assert private.requests == ()


def test_list_of_an_unknown_address_finds_nothing(filled):
    run = muragat(filled, "list", "http://example.test/nowhere")
    assert run.code == 1
    assert "not archived" in run.err


def test_list_takes_a_prefix(filled):
    run = muragat(filled, "list", "http://example.test/*", "--json")
    assert [line["url"] for line in run.lines] == ["http://example.test/a", "http://example.test/b"]


def test_sites_shows_what_is_held_of_each(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        muragat(home, "crawl", site.base, "--delay", 0, "--max-pages", 5)
    [crawled] = [line for line in muragat(home, "sites", "--json").lines if line["last_crawl"]]
    [counted] = muragat(home, "stats", "--json").lines[0]["sites"]
    assert {name: crawled[name] for name in ("captures", "articles", "bytes")} == {
        name: counted[name] for name in ("captures", "articles", "bytes")
    }
    assert f"{counted['captures']} captures" in muragat(home, "sites").out


def test_sites_of_a_home_that_does_not_exist_shows_those_of_the_sites_file(tmp_path):
    run = muragat(tmp_path / "nothing", "sites", "--json")
    assert (run.code, {line["captures"] for line in run.lines}) == (0, {0})


@pytest.mark.parametrize("words", [("stats",), ("coverage",), ("sites",)])
def test_a_state_that_is_just_being_made_is_no_error_of_the_program(tmp_path, words):
    (tmp_path / "warc").mkdir()
    (tmp_path / "state.sqlite").touch()
    run = muragat(tmp_path, *words)
    assert run.code in (0, 2)
    assert "Traceback" not in run.err


def test_show_of_something_unknown_finds_nothing(filled):
    assert muragat(filled, "show", "art:aaaaaaaaaaaaaaaaaaaaaaaaaa").code == 1


def test_verify_names_file_and_record_and_returns_one(filled):
    [path] = (filled / "warc").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    path.write_bytes(data)
    run = muragat(filled, "verify")
    assert run.code == 1
    assert f"warc/{path.name}: byte " in run.out


def test_max_pages_stops_early_and_the_next_crawl_goes_on(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        words = ("crawl", site.base, "--delay", 0, "--json", "--max-pages", 5)
        [first] = muragat(home, *words).lines
        [second] = muragat(home, *words).lines
    assert (first["pages"], first["sites"][0]["ended"]) == (5, "limit")
    assert second["sites"][0]["resumed"] is True
    with Collection(home) as collection:
        urls = [c.url for c in collection.captures() if not c.url.endswith("robots.txt")]
    assert len(urls) == len(set(urls))


def test_scrapy_lists_the_sites_and_archives_as_muragat_does(tmp_path):
    home = tmp_path / "home"
    with DemoSite() as site:
        sites = tmp_path / "sites.toml"
        sites.write_text(f'[[site]]\nname = "demo"\nseeds = ["{site.base}"]\ndelay = "0s"\n')
        settings = ["-s", f"MURAGAT_HOME={home}", "-s", f"MURAGAT_SITES={sites}"]
        base = [sys.executable, "-m", "scrapy"]
        listed = subprocess.run(
            [*base, "list", *settings], capture_output=True, text=True, cwd=ROOT, check=True
        )
        subprocess.run(
            [*base, "crawl", "demo", *settings, "-s", "MURAGAT_MAX_PAGES=5"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
    assert "demo" in listed.stdout.split()
    assert muragat(home, "verify").code == 0
    assert len(list((home / "crawls").iterdir())) == 1

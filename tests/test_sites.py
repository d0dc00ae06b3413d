"""crawler.sites, site and site_keys: sites.toml as values, and errors that say where and what."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import BadAddress, SitesFileError, UnknownSite
from archive.model import Hints
from crawler import sites
from crawler.sites.keys import KEYS
from crawler.sites.site import Site

FULL = """\
# a comment
[[site]]
name = "one"
seeds = [
  "https://One.example.com",
  "https://one.example.com/",
]
allow = ["cdn.example.com", "127.0.0.1:8000"]
scope = ["https://one.example.com/news/"]
languages = ["en", "zh-Hant"]
every = "6h"
delay = 0.5
concurrency = 2
max_pages = 100
max_time = "1.5h"
owner = true
contact = "https://example.org/bot"
outlet = "One"
spider = "spiders.one.One"
requisites = "images"
requisite_max = "1.5 MiB"

[[site]]
name = "two"
seeds = ["http://127.0.0.1:8101/"]
"""


def load(tmp_path, text):
    path = tmp_path / "sites.toml"
    path.write_text(text, encoding="utf-8")
    return sites.load(path)


def error_of(tmp_path, text):
    with pytest.raises(SitesFileError) as caught:
        load(tmp_path, text)
    return str(caught.value).removeprefix(str(tmp_path) + "/")


def test_every_key_reaches_its_field(tmp_path):
    site = load(tmp_path, FULL)["one"]
    assert site == Site(
        name="one",
        seeds=("https://one.example.com/",),
        allow=("cdn.example.com", "127.0.0.1:8000"),
        scope=("https://one.example.com/news/",),
        languages=("en", "zh-Hant"),
        every_s=21600.0,
        delay_s=0.5,
        concurrency=2,
        max_pages=100,
        max_time_s=5400.0,
        owner=True,
        contact="https://example.org/bot",
        outlet="One",
        spider="spiders.one.One",
        requisites="images",
        requisite_max=1_572_864,
    )
    assert site.hints == Hints(languages=("en", "zh-Hant"), outlet="One")


def test_a_table_needs_a_name_and_seeds_only(tmp_path):
    site = load(tmp_path, FULL)["two"]
    assert (site.delay_s, site.concurrency, site.owner) == (1.0, 1, False)
    assert (site.requisites, site.requisite_max) == ("all", 32_000_000)


@pytest.mark.parametrize(
    ("written", "size"), [("5000", 5000), ('"32MB"', 32_000_000), ('"1gb"', 10**9), ('"7"', 7)]
)
def test_a_size_is_bytes_or_has_a_unit(tmp_path, written, size):
    site = load(tmp_path, FULL.replace('"1.5 MiB"', written))["one"]
    assert site.requisite_max == size


def test_a_private_seed_is_permission_for_its_host_and_port(tmp_path):
    found = load(tmp_path, FULL)
    assert found["two"].allow == ("127.0.0.1:8101",)
    assert "one.example.com:443" not in found["one"].allow


def test_the_bundled_sites_are_two():
    assert list(sites.load(sites.BUNDLED)) == ["dimashnews", "dimashfrance"]


def test_the_keys_that_the_bundled_file_explains_are_all_there_are(tmp_path):
    text = sites.BUNDLED.read_text(encoding="utf-8")
    explained = [line[4:] for line in text.splitlines() if re.match(r"#   (\[\[|\w+ =)", line)]
    site = load(tmp_path, "\n".join(explained))["example"]
    assert site.every_s == 21600
    assert {line.partition(" ")[0] for line in explained[1:]} == set(KEYS)


def test_a_byte_order_mark_and_crlf_are_no_errors(tmp_path):
    path = tmp_path / "sites.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert list(sites.load(path)) == ["one", "two"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("outlet =", "outlett =", "sites.toml:18: unknown key 'outlett' in [[site]] one; did you mean 'outlet'?"),
        ("outlet =", "zzz =", "sites.toml:18: unknown key 'zzz' in [[site]] one; the keys are name, seeds,"),
        ('"6h"', '"six"', "sites.toml:11: 'every' in [[site]] one must be a duration, like"),
        ('"6h"', "true", "sites.toml:11: 'every' in [[site]] one must be a duration, like"),
        ("0.5", "-1", "sites.toml:12: 'delay' in [[site]] one must be a duration, like"),
        ("= 2", '= "2"', "sites.toml:13: 'concurrency' in [[site]] one must be a whole number from 1 to 64"),
        ("= 2", "= 0", "sites.toml:13: 'concurrency' in [[site]] one must be a whole number from 1 to 64"),
        ("= 100", "= -1", "sites.toml:14: 'max_pages' in [[site]] one must be a whole number, 0 for no limit"),
        ("= true", '= "yes"', "sites.toml:16: 'owner' in [[site]] one must be true or false"),
        ('"https://example.org/bot"', '"a\\r\\nX: b"', "sites.toml:17: 'contact' in [[site]] one must be"),
        ('"One"', "1", "sites.toml:18: 'outlet' in [[site]] one must be a text in quotes"),
        ('"spiders.one.One"', '"one; rm"', "sites.toml:19: 'spider' in [[site]] one must be the import path"),
        ('"images"', '"some"', "sites.toml:20: 'requisites' in [[site]] one must be one of 'all', 'images', 'none'"),
        ('"1.5 MiB"', '"big"', "sites.toml:21: 'requisite_max' in [[site]] one must be a number of bytes or a size"),
        ('"1.5 MiB"', "0", "sites.toml:21: 'requisite_max' in [[site]] one must be a number of bytes or a size"),
        ('"zh-Hant"', '"Chinese"', "sites.toml:10: 'languages' in [[site]] one must be a list of language codes"),
        ('"cdn.example.com"', '"http://cdn/"', "sites.toml:8: 'allow' in [[site]] one must be a list of hosts"),
        ('"https://One.example.com"', '"htp://one"', "sites.toml:4: 'seeds' in [[site]] one must be a list of http(s) addresses; 'htp://one' is none"),
        ('["http://127.0.0.1:8101/"]', '"http://127.0.0.1:8101/"', "sites.toml:25: 'seeds' in [[site]] two must be a list of texts"),
        ('["http://127.0.0.1:8101/"]', "[]", "sites.toml:25: [[site]] two has no seeds; add seeds = "),
        ('name = "two"', "", "sites.toml:23: [[site]] number 2 has no name; add name = "),
        ('name = "two"', 'name = "one"', "sites.toml:24: a second [[site]] one; give it another name"),
        ('name = "two"', 'name = "a b"', "sites.toml:24: 'name' in [[site]] a b must be a name of letters"),
        ("max_pages = 100", "max_pages =", "sites.toml:14: Invalid value at column 12; see https://toml.io"),
        ('["http://127.0.0.1:8101/"]', "[", "sites.toml:25: Invalid value; see https://toml.io"),
        ("[[site]]\nname = \"two\"", "[sites]\nname = \"two\"", "sites.toml:23: unknown table 'sites'; write [[site]]"),
    ],
)  # fmt: skip
def test_an_error_names_the_line_the_key_and_the_repair(tmp_path, old, new, message):
    assert error_of(tmp_path, FULL.replace(old, new)).startswith(message)


def test_one_table_in_single_brackets_is_explained(tmp_path):
    message = error_of(tmp_path, '# x\n[site]\nname = "a"')
    assert message == "sites.toml:2: 'site' is one table; write [[site]], with two brackets"


def test_inline_tables_are_read_and_their_errors_placed(tmp_path):
    assert list(load(tmp_path, 'site = [{name = "a", seeds = ["http://a.b/"]}]')) == ["a"]
    assert error_of(tmp_path, '\nsite = [{nam = "a"}]').startswith(
        "sites.toml:2: unknown key 'nam'"
    )


def test_a_file_that_is_not_there_or_not_text_is_explained(tmp_path):
    with pytest.raises(
        SitesFileError, match="No such file or directory; name another file by --sites"
    ):
        sites.load(tmp_path / "none.toml")
    path = tmp_path / "sites.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(SitesFileError, match="not UTF-8 text at byte 8"):
        sites.load(path)


def test_an_empty_file_has_no_sites(tmp_path):
    assert load(tmp_path, "") == {}


def test_deep_nesting_is_an_error(tmp_path):
    assert error_of(tmp_path, "a = " + "[" * 5000).startswith("sites.toml:1")


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(["[[site]]\n", "[site]\n", "name = 'a'\n", "seeds = ['http://a.b/']\n", "every = 1e999\n", "x", "= 1\n", "delay = nan\n", "owner = 1979-05-27\n"]), max_size=6).map("".join)))  # fmt: skip
def test_any_text_is_read_or_refused_by_name(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode("utf-8", "replace"))
    message = f"{path}:1: "
    try:
        sites.load(path)
    except SitesFileError as error:
        message = str(error)
    assert re.match(rf"{re.escape(str(path))}:\d+: ", message)


def test_the_sites_file_is_the_named_one_then_the_homes_then_the_bundled(tmp_path):
    assert sites.find(Path("x.toml"), tmp_path) == Path("x.toml")
    assert sites.find(None, tmp_path) == sites.BUNDLED
    own = tmp_path / "sites.toml"
    own.write_text("")
    assert sites.find(None, tmp_path) == own


@pytest.mark.parametrize(
    ("address", "name", "seed", "allow"),
    [
        ("https://Example.com/news#x", "example.com", "https://example.com/news", ()),
        ("example.com", "example.com", "https://example.com/", ()),
        ("example.com/a b", "example.com", "https://example.com/a%20b", ()),
        ("example.com:8080", "example.com-8080", "http://example.com:8080/", ()),
        ("http://127.0.0.1:8101/", "127.0.0.1-8101", "http://127.0.0.1:8101/", ("127.0.0.1:8101",)),
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1/", ("127.0.0.1:80",)),
        ("localhost:8000/x", "localhost-8000", "http://localhost:8000/x", ("localhost:8000",)),
        ("http://[::1]:81/", "__1-81", "http://[::1]:81/", ("[::1]:81",)),
        ("192.168.1.5:80", "192.168.1.5", "http://192.168.1.5/", ("192.168.1.5:80",)),
        ("http://169.254.169.254/latest", "169.254.169.254", "http://169.254.169.254/latest", ("169.254.169.254:80",)),
        ("https://nas.local", "nas.local", "https://nas.local/", ("nas.local:443",)),
        ("http://8.8.8.8/", "8.8.8.8", "http://8.8.8.8/", ()),
    ],
)  # fmt: skip
def test_an_address_by_hand_is_a_site_and_permission_for_a_private_host(address, name, seed, allow):
    site = Site.for_address(address)
    assert (site.name, site.seeds, site.allow) == (name, (seed,), allow)


@pytest.mark.parametrize("address", ["", "http://", "ftp://example.com/", "http://a b/", "mailto:a@b.c", "http://x:99999/", "javascript:alert(1)", "me@example.com"])  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadAddress, match="is not an address that can be crawled"):
        Site.for_address(address)


@given(st.text(max_size=40))
def test_any_text_by_hand_is_a_site_or_refused(text):
    with suppress(BadAddress):
        assert Site.for_address(text).seeds[0].startswith(("http://", "https://"))


def test_a_word_is_a_site_by_name_an_address_or_unknown(tmp_path):
    table = load(tmp_path, FULL)
    assert sites.choose("one", table) is table["one"]
    assert sites.choose("http://127.0.0.1:9/", table).name == "127.0.0.1-9"
    assert sites.choose("localhost", table).seeds == ("http://localhost/",)
    with pytest.raises(UnknownSite, match=r"no site is called 'onee'; did you mean 'one'\?"):
        sites.choose("onee", table)
    with pytest.raises(UnknownSite, match="'muragat sites' lists the names"):
        sites.choose("qqq", table)

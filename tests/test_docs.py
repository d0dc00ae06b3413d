"""Facts about the documents: they agree with the program."""

from __future__ import annotations

import ast
import re

import pytest

from archive import Collection
from crawler.reference import reference
from crawler.sites.keys import KEYS
from tests.exchanges import exchange
from tests.program import ROOT

GUIDES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_reference_of_the_command_line_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == reference(), "run 'make docs'"


def test_every_key_of_sites_toml_is_explained():
    text = (ROOT / "spiders" / "sites.toml").read_text("utf-8")
    assert [key for key in KEYS if not re.search(rf"^#?\s*{key} = ", text, re.MULTILINE)] == []


def test_every_setting_of_ours_is_explained():
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    used = {
        node.value
        for path in (ROOT / "crawler").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"MURAGAT_[A-Z_]+", node.value)
    }
    names = {
        *used,
        *re.findall(
            r"^(MURAGAT_\w+) =", (ROOT / "crawler" / "settings.py").read_text(), re.MULTILINE
        ),
    }
    assert sorted(name for name in names if f"`{name}`" not in text) == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(guide):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", guide.read_text("utf-8"))
    assert [link for link in links if not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_what_documents_name_in_the_tree_is_there(guide):
    text = guide.read_text("utf-8")
    named = re.findall(r"`((?:archive|crawler|spiders|tests|docs)/[\w./]+|test_\w+\.py)`", text)
    places = [ROOT, ROOT / "tests"]
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_examples_for_python_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with Collection(tmp_path / "collection", write=True) as collection:
        collection.add(exchange("http://example.com/"))
        collection.sync()
    text = (ROOT / "docs" / "collection.md").read_text("utf-8")
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(example, names)
    assert "http://example.com/" in capsys.readouterr().out
    assert names["same"] == []

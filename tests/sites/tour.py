"""What `make run` does without an address: crawls the bundled demo site and shows what came of it.

python -m tests.sites.tour --home collection
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sites.demo import DemoSite

USUAL_PORT = 8099
"""Asked for first, so that a second run finds the site at the same address and stores only what is new."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sites.tour", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("collection"))
    home = parser.parse_args().home
    with _site() as site:
        print(f"A small news site in six languages now runs at {site.base}\n", flush=True)
        code = _muragat(home, "crawl", site.base, "--delay", "0", "--allow", site.photos[7:-1])
        article = next(truth for truth in site.truth if truth.language == "fr" and truth.quotations)
        url = site.base.rstrip("/") + article.path
        print("\nWhat is archived (muragat stats):\n", flush=True)
        _muragat(home, "stats")
        print(f"\nOne article, and what its page lacks (muragat show {url}):\n", flush=True)
        _muragat(home, "show", url)
        print("\nEvery byte read again (muragat verify): ", end="", flush=True)
        print("all is well" if _muragat(home, "verify") == 0 else "see above")
        print("Made again from a copy of warc/ alone (muragat rebuild): ", end="", flush=True)
        print(_rebuilt(home))
    print(NEXT.format(home=home, url=url))
    return code


NEXT = """
Try next:
  make run URL=https://…                                      archive a site of yours
  .venv/bin/python -m crawler --home {home} show {url}
  .venv/bin/python -m crawler --home {home} list '{url}*'
  .venv/bin/python -m crawler --home {home} coverage --missing
  head -n 1 {home}/articles.jsonl
docs/guide.md has more."""


def _rebuilt(home: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(home / "warc", copy / "warc")
        _muragat(copy, "rebuild")
        names = ("articles.jsonl", "index.cdxj")
        same = [(home / name).read_bytes() == (copy / name).read_bytes() for name in names]
    return f"{names[0]} and {names[1]} are " + ("the same bytes" if all(same) else "DIFFERENT")


def _site() -> DemoSite:
    try:
        return DemoSite(port=USUAL_PORT)
    except OSError:
        return DemoSite()


def _muragat(home: Path, *words: str) -> int:
    command = [sys.executable, "-m", "crawler", "--home", str(home), *words]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

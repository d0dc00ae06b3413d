"""How muragat starts itself in another process; hides where it was installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import archive

ROOT = Path(archive.__file__).resolve().parent.parent
"""The folder of the packages: the checkout's, or where they are installed."""


def command() -> tuple[str, ...]:
    """Return the program up to muragat's own arguments: the interpreter that runs now, of a virtual environment too."""
    return (str(Path(sys.executable).absolute()), "-m", "crawler")


def python_path() -> str:
    """Return PYTHONPATH for that program: absolute, and with the checkout where nothing is installed."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = [str(Path(place).absolute()) for place in given if place]
    if ROOT.name not in {"site-packages", "dist-packages"}:
        places.insert(0, str(ROOT))
    return os.pathsep.join(dict.fromkeys(places))

"""`python -m tests.sites.demo [--port N] [--log FILE]`: serve the demo site until interrupted."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from tests.sites.demo import DemoSite


def main() -> None:
    """Serve on 127.0.0.1; one JSON line on standard output says where."""
    parser = argparse.ArgumentParser(prog="python -m tests.sites.demo", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="append every request to FILE, one JSON line each")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with DemoSite(port=options.port, log=options.log) as site:
        sys.stdout.write(json.dumps({"base": site.base}) + "\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()

"""crawler.schedule.dates: a clock that was wrong by years leaves no page unvisited for years."""

import pytest

from archive import Collection
from archive.model import Announcer, Outcome, Via
from crawler.frontier import SqliteFrontier, Visit, announcement
from crawler.schedule.dates import LONGEST_S, mend

NOW = 1_795_521_600.0
YEARS_S = 10 * 365 * 86_400.0


@pytest.fixture
def collection(tmp_path):
    with Collection(tmp_path, write=True) as found:
        yield found


def visited(collection, *, due, retry_at=None):
    """A frontier with one page that was visited, and is due again then."""
    frontier = SqliteFrontier(collection.state, lambda: NOW)
    frontier.begin("demo", "1", full=False)
    page = "http://demo.test/"
    frontier.announce("demo", [announcement(page, Via(announcer=Announcer.SEED, seed=page))])
    collection.sync(frontier.flush)
    frontier.flushed()
    [claim] = frontier.claim("demo", 9)
    outcome = Outcome.STORED if retry_at is None else Outcome.TIMEOUT
    frontier.done(Visit(claim.key, outcome, retry_at=retry_at, status=200))
    collection.sync(frontier.flush)
    frontier.flushed()
    frontier.plan([(page.id, due) for page in frontier.unplanned("demo", 9)])
    return frontier


@pytest.mark.parametrize("retry_at", [None, NOW + YEARS_S])
def test_what_a_wrong_clock_has_put_off_is_due(collection, retry_at):
    frontier = visited(collection, due=NOW + YEARS_S, retry_at=retry_at)
    assert mend(collection.state, "demo", NOW) == 1
    assert len(frontier.claim("demo", 9)) == 1


def test_what_is_planned_stays_as_it_is(collection):
    frontier = visited(collection, due=NOW + LONGEST_S)
    assert mend(collection.state, "demo", NOW) == 0
    assert frontier.claim("demo", 9) == []

"""Facts about the gate: pauses, closings, budgets and quiet hours of hosts, by a clock that the tests turn."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from crawler.manners import Closing, HostClosed, Manners, Pace, SitePace
from crawler.manners.table import closed, leave, take_up, write
from tests.turned_clock import EPOCH, TurnedClock, settled

HOST = "site.test"
URL = f"http://{HOST}/"


class Visits:
    """Requests through one site's pace; `sent` has the seconds at which each went out, in the order of sending."""

    def __init__(self, manners: Manners, earlier: Pace | None = None) -> None:
        clock = TurnedClock() if earlier is None else earlier.clock
        assert isinstance(clock, TurnedClock)
        self.clock = clock
        self.pace = earlier or Pace(clock)
        self.site = SitePace(self.pace, manners)
        self.sent: list[float] = []
        self.refused: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, url=URL, status=200, *, takes=0.0, connects=0.0, asked="", times=1):
        for _ in range(times):
            visit = self._visit(url, status, takes=takes, connects=connects, asked=asked)
            self.tasks.append(asyncio.ensure_future(visit))

    async def _visit(self, url, status, *, takes, connects, asked):
        try:
            async with self.site.slot(url) as slot:
                await self._pass(connects)
                await slot.sending()
                self.sent.append(round(self.clock.passed, 3))
                await self._pass(takes)
                if status is None:
                    slot.failed()
                else:
                    slot.answered(status, asked)
        except HostClosed as error:
            self.refused.append(str(error))

    async def _pass(self, seconds):
        if seconds:
            done = asyncio.get_running_loop().create_future()
            self.clock.later(seconds, lambda: done.set_result(None))
            await done


def run(test):
    """Run a coroutine function of a test in an event loop of its own."""

    def runs():
        asyncio.run(asyncio.wait_for(test(), 20))

    runs.__name__, runs.__doc__ = test.__name__, test.__doc__
    return runs


async def failing(visits: Visits, *statuses: int | None, asked: str = "") -> None:
    """Let one page after the other fail."""
    for number, status in enumerate(statuses):
        visits.ask(f"{URL}{number}", status, asked=asked)
        await settled()


def closing(visits: Visits, host: str = HOST) -> Closing:
    found = visits.site.closing(host)
    assert found is not None
    return found


def remaining(visits: Visits) -> float | None:
    found = visits.site.closing(HOST)
    return None if found is None else round(found.until - visits.clock.now(), 3)


@run
async def test_requests_to_a_host_keep_its_pause():
    visits = Visits(Manners(delay_s=1.0))
    visits.ask(times=3)
    await visits.clock.turn(5)
    assert visits.sent == [0, 1, 2]


@run
async def test_other_hosts_do_not_wait():
    visits = Visits(Manners(delay_s=1.0))
    visits.ask()
    visits.ask("http://other.test/")
    visits.ask(f"http://{HOST}:8080/")
    await settled()
    assert visits.sent == [0, 0, 0]


@run
async def test_without_a_pause_as_many_go_at_once_as_are_allowed():
    visits = Visits(Manners(at_once=3))
    visits.ask(times=7, takes=2)
    await visits.clock.turn(5)
    assert visits.sent == [0, 0, 0, 2, 2, 2, 4]


@run
async def test_one_by_one_the_pause_counts_from_the_beginning_of_the_answer():
    visits = Visits(Manners(delay_s=1.0))
    visits.ask(times=2, takes=0.5)
    await visits.clock.turn(5)
    assert visits.sent == [0, 1.5]


@run
async def test_several_at_once_keep_the_pause_between_their_sendings():
    visits = Visits(Manners(delay_s=1.0, at_once=3))
    visits.ask(connects=0.8, takes=9)
    visits.ask(takes=9, times=2)
    await visits.clock.turn(9)
    assert visits.sent == [0.8, 1.8, 2.8]


@run
async def test_a_slow_host_is_given_as_long_as_it_takes_to_answer():
    visits = Visits(Manners(delay_s=1.0))
    visits.ask(times=2, takes=4)
    await visits.clock.turn(20)
    assert visits.sent == [0, 8]


@run
async def test_without_a_pause_a_slow_host_gets_none():
    visits = Visits(Manners())
    visits.ask(times=2, takes=4)
    await visits.clock.turn(20)
    assert visits.sent == [0, 4]


@run
async def test_a_crawl_delay_is_kept_though_no_pause_is_wanted_and_at_most_five_minutes_of_it():
    visits = Visits(Manners())
    visits.ask(times=2)
    visits.site.set_crawl_delay(HOST, 900)
    await visits.clock.turn(1000)
    assert visits.sent == [0, 300]


@run
async def test_brackets_of_an_ipv6_origin_are_no_other_host():
    visits = Visits(Manners())
    visits.site.set_crawl_delay("[::1]", 7)
    visits.ask("http://[::1]/", times=2)
    await visits.clock.turn(10)
    assert visits.sent == [0, 7]


@run
async def test_two_sites_share_the_pause_of_a_host():
    first = Visits(Manners(delay_s=1.0))
    second = Visits(Manners(delay_s=1.0), first.pace)
    first.ask()
    second.ask()
    await first.clock.turn(3)
    assert (first.sent, second.sent) == ([0], [1])


@run
async def test_a_request_that_is_given_up_makes_room():
    visits = Visits(Manners())
    visits.ask(takes=100)
    visits.ask()
    await settled()
    visits.tasks[0].cancel()
    await settled()
    assert visits.sent == [0, 0]


@run
async def test_one_that_is_given_up_while_it_waits_is_passed_over():
    visits = Visits(Manners(delay_s=1.0))
    visits.ask(times=3)
    await settled()
    visits.tasks[1].cancel()
    await visits.clock.turn(3)
    assert visits.sent == [0, 1]


@pytest.mark.parametrize("asked", ["20", "Tue, 14 Nov 2023 22:13:40 GMT"])
def test_a_host_that_asks_to_wait_is_given_the_time_in_either_form(asked):
    @run
    async def waits():
        visits = Visits(Manners())
        visits.ask(status=429, asked=asked)
        visits.ask(f"{URL}other")
        await visits.clock.turn(30)
        assert visits.sent == [0, 20]

    waits()


@run
async def test_a_host_that_only_ever_asks_to_wait_is_closed_for_longer_and_longer():
    visits = Visits(Manners())
    lengths = []
    for number in range(10):
        visits.ask(f"{URL}{number}", 429, asked="2")
        await settled()
        lengths.append(remaining(visits) or 0.0)
        await visits.clock.turn(lengths[-1])
    assert lengths == [2, 2, 2, 2, 2, 2, 2, 4, 8, 16]


@run
async def test_three_failures_in_a_row_close_a_host():
    visits = Visits(Manners())
    found = []
    for number, status in enumerate((503, None, 500)):
        found.append(remaining(visits))
        visits.ask(f"{URL}{number}", status)
        await settled()
    assert [*found, remaining(visits)] == [None, None, None, 30]


@run
async def test_a_good_answer_between_failures_leaves_a_host_open():
    visits = Visits(Manners())
    await failing(visits, 503, 503, 200, 503, 503, 404, 503)
    assert remaining(visits) is None


@run
async def test_one_page_that_always_fails_does_not_close_its_host():
    visits = Visits(Manners())
    visits.ask(status=500, times=5)
    await settled()
    assert (len(visits.sent), remaining(visits)) == (5, None)


@run
async def test_closings_double_until_a_good_answer():
    visits = Visits(Manners())
    await failing(visits, 200, 503, 503, 503)
    lengths = [remaining(visits) or 0.0]
    for number in range(12):
        await visits.clock.turn(lengths[-1])
        visits.ask(f"{URL}again{number}", 503)
        await settled()
        lengths.append(remaining(visits) or 0.0)
    await visits.clock.turn(lengths[-1])
    visits.ask()
    await settled()
    assert lengths == [30 * 2**n for n in range(10)] + [21600] * 3
    assert remaining(visits) is None


@run
async def test_what_a_server_asks_for_is_what_closings_begin_with():
    visits = Visits(Manners())
    await failing(visits, 200, 503, 503, 503, asked="5")
    first = remaining(visits)
    await visits.clock.turn(5)
    visits.ask(f"{URL}x", 503, asked="5")
    await settled()
    assert (first, remaining(visits)) == (5, 10)


@run
async def test_a_server_that_says_when_to_come_back_is_asked_once_a_minute_then_ever_more_seldom():
    visits = Visits(Manners())
    await failing(visits, 200, 503, 503, 503, asked="5")
    lengths = [remaining(visits) or 0.0]
    for number in range(13):
        await visits.clock.turn(lengths[-1])
        visits.ask(f"{URL}again{number}", 503, asked="5")
        await settled()
        lengths.append(remaining(visits) or 0.0)
    assert lengths == [5, 10, 20, 40, *[60] * 7, 120, 240, 480]


@run
async def test_a_long_pause_asked_for_one_page_concerns_that_page_alone():
    visits = Visits(Manners())
    await failing(visits, 503, 503, asked="86400")
    visits.ask(status=503, asked="86400", times=4)
    await settled()
    assert remaining(visits) == 86400  # three pages by now
    other = Visits(Manners())
    other.ask(status=503, asked="86400", times=4)
    await settled()
    assert remaining(other) is None


@run
async def test_while_a_host_is_on_trial_one_request_goes_at_a_time():
    visits = Visits(Manners(at_once=4))
    await failing(visits, 200, 503, 503, 503)
    visits.ask(takes=1, times=3)
    await visits.clock.turn(33)
    assert visits.sent[4:] == [30, 31, 31]


@run
async def test_failures_that_were_under_way_do_not_lengthen_a_closing():
    visits = Visits(Manners(at_once=8))
    for number in range(8):
        visits.ask(f"{URL}{number}", 503, takes=1)
    await visits.clock.turn(2)
    assert remaining(visits) == 29


@run
async def test_nobody_waits_for_a_host_that_is_closed_for_long():
    visits = Visits(Manners())
    await failing(visits, 503, 503, 503, asked="3600")
    visits.ask()
    await settled()
    assert len(visits.refused) == 1
    assert "asked for a long pause (503)" in visits.refused[0]


@run
async def test_a_host_that_never_answered_is_not_waited_for():
    visits = Visits(Manners())
    await failing(visits, None, None, None)
    unseen = closing(visits)
    other = Visits(Manners())
    await failing(other, 200, None, None, None)
    seen = closing(other)
    assert (unseen.is_long, seen.is_long) == (True, False)
    assert unseen.reason == "no answer"


@run
async def test_who_waits_is_told_when_the_crawl_ends():
    visits = Visits(Manners(delay_s=100.0))
    visits.ask(times=3)
    await settled()
    visits.site.stop()
    visits.ask()
    await settled()
    assert (visits.sent, len(visits.refused)) == ([0], 3)
    assert all(task.done() for task in visits.tasks)


@run
async def test_the_end_of_the_process_frees_all_sites():
    first = Visits(Manners(delay_s=100.0))
    second = Visits(Manners(delay_s=100.0), first.pace)
    first.ask(times=2)
    second.ask(times=2)
    await settled()
    first.pace.stop()
    await settled()
    assert all(task.done() for task in [*first.tasks, *second.tasks])


@run
async def test_a_spent_budget_closes_a_host_until_midnight():
    visits = Visits(Manners(daily_budget=2))
    visits.ask(times=3)
    await settled()
    until = datetime.fromtimestamp(closing(visits).until, UTC)
    assert (len(visits.sent), len(visits.refused)) == (2, 1)
    assert until == datetime(2023, 11, 15, tzinfo=UTC)
    assert visits.site.closed()[HOST].reason == "daily budget of 2 requests"
    await visits.clock.turn(until.timestamp() - EPOCH)
    visits.ask()
    await settled()
    assert len(visits.sent) == 3


@run
async def test_quiet_hours_close_every_host_over_midnight_too():
    visits = Visits(Manners(quiet=("22:00-06:30",), timezone="UTC"))  # it is 22:13:20
    visits.ask()
    await settled()
    until = datetime.fromtimestamp(closing(visits).until, UTC)
    assert (visits.sent, len(visits.refused)) == ([], 1)
    assert until == datetime(2023, 11, 15, 6, 30, tzinfo=UTC)
    assert closing(visits, "other.test").reason == "quiet hours"
    await visits.clock.turn(until.timestamp() - EPOCH)
    assert visits.site.quiet() is None


@run
async def test_the_last_minute_of_quiet_hours_is_waited_out():
    visits = Visits(Manners(quiet=("20:00-22:14",), timezone="UTC"))
    visits.ask()
    await visits.clock.turn(60)
    assert visits.sent == [40]


def saved(visits: Visits, connection: sqlite3.Connection) -> None:
    write(connection, visits.pace.changed())


def again(connection: sqlite3.Connection, manners: Manners, *, after_s: float = 0.0) -> Visits:
    """Return visits of a later process, which begins `after_s` seconds after the earlier one."""
    clock = TurnedClock(after_s)
    pace = Pace(clock)
    rows, was_killed = take_up(connection, clock.now())
    pace.load(rows, was_killed=was_killed)
    return Visits(manners, pace)


@pytest.fixture
def state():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    take_up(connection, EPOCH)
    yield connection
    connection.close()


def test_a_pause_goes_on_in_the_next_process(state):
    @run
    async def goes_on():
        visits = Visits(Manners(delay_s=10.0))
        visits.ask()
        await visits.clock.turn(1)
        leave(state, visits.pace.changed())
        later = again(state, Manners(delay_s=10.0), after_s=4)
        later.ask()
        await later.clock.turn(20)
        assert later.sent == [10]

    goes_on()


def test_after_a_kill_every_host_is_given_its_whole_pause(state):
    @run
    async def waits():
        later = again(state, Manners(delay_s=10.0), after_s=4)
        later.ask()
        later.ask("http://other.test/")
        await later.clock.turn(20)
        assert later.sent == [14, 14]

    waits()


def test_a_closing_and_its_length_survive_a_restart(state):
    @run
    async def survive():
        visits = Visits(Manners())
        await failing(visits, 200, 503, 503, 503)
        leave(state, visits.pace.changed())
        later = again(state, Manners(), after_s=10)
        assert remaining(later) == 20
        assert list(closed(state, EPOCH + 10)) == [HOST]
        await later.clock.turn(20)
        await failing(later, 503)
        assert remaining(later) == 60

    survive()


def test_requests_of_the_day_are_counted_over_a_restart(state):
    @run
    async def counted():
        visits = Visits(Manners(daily_budget=2))
        visits.ask()
        await settled()
        leave(state, visits.pace.changed())
        later = again(state, Manners(daily_budget=2))
        later.ask(times=2)
        await settled()
        assert (len(later.sent), len(later.refused)) == (1, 1)

    counted()


def test_a_clock_that_went_back_makes_nobody_wait_for_ever(state):
    @run
    async def waits():
        visits = Visits(Manners(delay_s=10.0))
        await failing(visits, 200)
        leave(state, visits.pace.changed())
        later = again(state, Manners(delay_s=10.0), after_s=-timedelta(days=365).total_seconds())
        begun = later.clock.passed
        later.ask()
        await later.clock.turn(20)
        assert [sent - begun for sent in later.sent] == [10]

    waits()


def test_hosts_are_forgotten_once_they_are_long_gone(state):
    @run
    async def forgotten():
        visits = Visits(Manners())
        await failing(visits, 200)
        saved(visits, state)
        rows, _ = take_up(state, EPOCH + 31 * 86_400)
        assert rows == []
        assert state.execute("SELECT count(*) FROM hosts").fetchone() == (0,)

    forgotten()


@run
async def test_memory_holds_so_many_hosts_and_no_more():
    visits = Visits(Manners())
    visits.pace.most_hosts = 50
    for number in range(200):
        visits.ask(f"http://{number}.test/")
    await visits.clock.turn(1000)
    visits.pace.changed()
    visits.ask("http://last.test/")
    await settled()
    visits.pace.changed()
    assert len(visits.pace._hosts) < 50

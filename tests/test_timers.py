"""crawler.schedule.timers and install: what systemd and cron are told, whatever the folder is called."""

import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archive.errors import UsageError
from crawler.schedule import install
from crawler.schedule.timers import INTERVALS, job_for

PYTHON = ("/opt/v env/bin/python", "-m", "crawler")
NASTY = '/srv/50% "of" $HOME\'s \\ é;#news'


def job(home="/srv/news", sites=None):
    return job_for(Path(home), None if sites is None else Path(sites), PYTHON, "/opt/checkout")


def systemd_words(line):
    """A command line of systemd as it reads it: quotes, escapes, doubled specifiers and variables."""
    words = shlex.split(line.replace("\\\\", "\0"), posix=True)
    return [word.replace("\0", "\\").replace("%%", "%").replace("$$", "$") for word in words]


def exec_start(text):
    [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=")


def cron_words(line):
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    return shlex.split(command, comments=True)


@pytest.mark.parametrize("home", ["/srv/news", "/srv/my news", NASTY])
def test_the_service_starts_the_same_words_whatever_the_folder_is_called(home):
    words = systemd_words(exec_start(job(home, "/etc/my sites.toml").service()))
    assert words == [*PYTHON, "--home", home, "--sites", "/etc/my sites.toml", "run"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_no_folder_writes_a_line_of_its_own_into_a_unit(name):
    assume("\0" not in name)
    home = f"/srv/{name}"
    text = job(home).service()
    assert systemd_words(exec_start(text))[-2:] == [str(Path(home)), "run"]
    assert [line for line in text.split("\n") if "=" in line and line[0] != "#"] == [
        line for line in text.split("\n") if line.startswith(KEYS)
    ]


KEYS = (
    "Description=muragat: ",
    "Type=",
    'Environment="PYTHONPATH=',
    'ExecStart="/opt',
    "Nice=",
    "IOScheduling",
    "Timeout",
    "KillMode=",
    "SuccessExitStatus=",
)


@pytest.mark.parametrize(
    "home", ["/srv/a\nExecStartPre=rm", "/srv/a\r", "/srv/\udcff", "/srv/\x7f"]
)
def test_what_no_unit_can_hold_is_refused(home):
    with pytest.raises(UsageError, match="give the folder another name"):
        job(home)


@pytest.mark.parametrize("home", ["/srv/news", "/srv/my news", '/srv/50% $HOME\'s "x" #1'])
def test_cron_starts_the_same_words(home):
    words = cron_words(job(home).cron_line("15m"))
    assert words == [
        "env",
        "PYTHONPATH=/opt/checkout",
        "nice",
        "-n",
        "10",
        *PYTHON,
        "--home",
        home,
        "run",
    ]


def test_cron_is_not_given_what_its_versions_read_differently():
    with pytest.raises(UsageError, match="backslashes"):
        job("/srv/a\\b").cron_line("15m")
    with pytest.raises(UsageError, match="too long"):
        job("/srv/" + "a" * 1000).cron_line("15m")


def test_an_interval_that_calendars_do_not_know_is_refused():
    with pytest.raises(UsageError, match="give one of 5m"):
        job().timer("7m")


def test_homes_have_units_of_their_own():
    assert len({job(home).name for home in ("/srv/a b", "/srv/a-b", "/var/a b")}) == 3


def test_a_crontab_keeps_what_is_not_ours():
    one, line = job(), job().cron_line("15m")
    other = job("/srv/other").cron_line("1h")
    before = f"MAILTO=me\n{other}\n# news"
    once = one.in_crontab(before, line)
    assert once == f"MAILTO=me\n{other}\n# news\n{line}\n"
    assert one.in_crontab(once, line) == once
    assert one.in_crontab(once, "") == f"MAILTO=me\n{other}\n# news\n"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_reads_every_calendar():
    events = [job().timer(each).split("OnCalendar=")[1].splitlines()[0] for each in INTERVALS]
    done = subprocess.run(
        ["systemd-analyze", "calendar", *events], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    made = job_for(Path(NASTY), None, ("/bin/true",), "/opt/a b")
    for name, text in (("service", made.service()), ("timer", made.timer("15m"))):
        (tmp_path / f"{made.name}.{name}").write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(tmp_path / f"{made.name}.timer")],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if made.name in line or "Unknown" in line]
    assert ours == []


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A user's folders, and programs of the system that note what they are told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "my config"))

    def put(name, script):
        path = programs / name
        path.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    put("systemctl", 'echo "$*" >> told')
    put(
        "crontab",
        'if [ "$1" = -l ]; then cat tab 2>/dev/null || { echo "no crontab for me" >&2; exit 1; }; else cat > tab; fi',
    )
    return put


def test_installing_twice_is_installing_once(system, tmp_path):
    first = install.install(job(), "1h")
    units = {path.name: path.read_text() for path in install.unit_folder().iterdir()}
    second = install.install(job(), "1h")
    assert first == second
    assert first.is_whole
    assert {path.name: path.read_text() for path in install.unit_folder().iterdir()} == units
    assert (tmp_path / "told").read_text().splitlines()[:2] == [
        "--user daemon-reload",
        f"--user enable {job().name}.timer",
    ]


def test_removing_takes_all_of_it_away_and_may_be_done_again(system):
    install.install(job(), "1h")
    assert len(install.remove(job()).said) == 2
    assert list(install.unit_folder().iterdir()) == []
    assert install.remove(job()) == install.Done()


def test_without_a_user_manager_the_units_are_written_and_the_rest_is_said(system):
    system("systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    done = install.install(job(), "1h")
    assert len(list(install.unit_folder().iterdir())) == 2
    assert not done.is_whole
    assert "Failed to connect to bus" in done.left[0]
    assert "systemctl --user daemon-reload && systemctl --user enable" in done.left[0]


def test_a_line_is_put_into_the_crontab_once_and_taken_out(system, tmp_path):
    (tmp_path / "tab").write_text("0 1 * * * mine\n")
    assert install.install_in_cron(job(), "1h").is_whole
    assert install.install_in_cron(job(), "30m").is_whole
    assert (tmp_path / "tab").read_text() == f"0 1 * * * mine\n{job().cron_line('30m')}\n"
    assert install.remove_from_cron(job()).is_whole
    assert (tmp_path / "tab").read_text() == "0 1 * * * mine\n"


def test_the_first_line_of_a_crontab_is_ours(system, tmp_path):
    assert install.install_in_cron(job(), "1h").is_whole
    assert (tmp_path / "tab").read_text() == f"{job().cron_line('1h')}\n"


def test_where_there_is_no_cron_the_line_is_said(system, tmp_path, monkeypatch):
    (tmp_path / "bin" / "crontab").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = install.install_in_cron(job(), "1h")
    assert done.left == (f"crontab: not installed; add this line by hand: {job().cron_line('1h')}",)

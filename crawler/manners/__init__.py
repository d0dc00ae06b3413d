"""Good manners: when a host may be asked for something, and when it is to be left alone.

clock        the time, as everything here reads it
host         how one host stands: its pause, its failures in a row, its closing
pace         the gate that every request passes, and what a site wants of it
table        where that is kept between runs
downloader   Scrapy's, holding nobody back, since the gate does
"""

from crawler.manners.clock import Clock, SystemClock
from crawler.manners.host import Closing, HostClosed
from crawler.manners.pace import Manners, Pace, SitePace
from crawler.manners.slot import Slot

__all__ = [
    "Clock",
    "Closing",
    "HostClosed",
    "Manners",
    "Pace",
    "SitePace",
    "Slot",
    "SystemClock",
]

"""Good manners: when a host may be asked for something, and when it is to be left alone.

clock        the time, as everything here reads it
host         how one host stands: its pause, its failures in a row, its closing
pace         the gate that every request passes
site_pace    what a site wants of it, and one request's way through
table        where that is kept between runs
downloader   Scrapy's, holding nobody back, since the gate does
"""

from crawler.manners.clock import Clock, SystemClock
from crawler.manners.host import Closing, HostClosed
from crawler.manners.pace import Pace
from crawler.manners.site_pace import Manners, SitePace, Slot

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

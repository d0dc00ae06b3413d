"""A small newspaper of which every channel is incomplete in its own way.

with ChannelSite() as site:
    site.base            # http://127.0.0.1:PORT/, the seed; site.second is another one
    site.known           # which channels name each article, by path
    site.asked           # the paths asked for, in order
    site.withdraw(path)  # 404 from now on, and on no list any more
    site.publish(path, "rest", "feed")
    site.revise(path)    # another text, and another date of change on the lists
"""

from tests.sites.channels.server import ChannelSite

__all__ = ["ChannelSite"]
"""The one name that tests need."""

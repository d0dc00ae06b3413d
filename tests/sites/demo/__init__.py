"""A small invented news site in six languages, with the habits and the oddities of real ones.

    with DemoSite() as site:
        site.base       # "http://127.0.0.1:PORT/"
        site.truth      # what every article is, to judge an archive by
        site.requests   # what has been asked so far

Its words live in `content/`, its looks in `templates/`. Every singer, paper and place of work in it is
invented; outside addresses end in `.test` and lead nowhere.
"""

from tests.sites.demo.site import DemoSite
from tests.sites.demo.truth import Truth

__all__ = ["DemoSite", "Truth"]

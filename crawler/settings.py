"""Scrapy settings of the project: polite defaults, recording on, everything that opens a door off.

A site's table and the command line override what concerns a site (delay, concurrency, limits). Names that
begin with MURAGAT_ are ours; docs/settings.md explains each.
"""

from __future__ import annotations

import archive

BOT_NAME = "muragat"
SPIDER_MODULES = ["spiders"]
SPIDER_LOADER_CLASS = "crawler.loader.SiteSpiderLoader"
ADDONS = {"crawler.addon.MuragatAddon": 100}
SCHEDULER = "crawler.scheduler.FrontierScheduler"

MURAGAT_HOME = "collection"
MURAGAT_SITES = ""
MURAGAT_ANALYSE = True
MURAGAT_MAX_PAGES = 0
MURAGAT_MAX_TIME = 0
MURAGAT_SCHEDULED = False
MURAGAT_REQUISITES = "all"
MURAGAT_REQUISITE_MAX = 32_000_000
MURAGAT_OPERATOR = ""
MURAGAT_RESPONSE_MAX = 32 * 1024 * 1024

USER_AGENT = f"muragat/{archive.__version__}"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "muragat"
# What crawler.manners gives a host; Scrapy's own downloader holds nobody back.
DOWNLOADER = "crawler.manners.downloader.OpenDownloader"
DOWNLOAD_SLOTS = {"muragat": {"concurrency": 1_000_000, "delay": 0, "jitter": 0}}
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0
# What is under way is bounded for each host (crawler.site_crawl.lanes); this is for all together, robots.txt included.
CONCURRENT_REQUESTS = 64
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
}

COMPRESSION_ENABLED = False
DOWNLOADER_MIDDLEWARES = {
    "crawler.wire.decoding.ContentDecoding": 590,
    "crawler.robots.middleware.RobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    # The frontier tries again, follows redirects and keeps to the site; loading the first takes 0.1 s.
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": None,
}

# A capture shows what every visitor gets: no cookies are kept, so that no page counts our visits.
COOKIES_ENABLED = False
METAREFRESH_ENABLED = False
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# Scrapy starts CONCURRENT_ITEMS tasks for each response; ours yields no items.
CONCURRENT_ITEMS = 2
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    # Requests are made from claims, and every answer, whatever its status, goes to the spider.
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}
EXTENSIONS = {
    "scrapy.extensions.logstats.LogStats": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.feedexport.FeedExporter": None,
    "scrapy.extensions.throttle.AutoThrottle": None,
    # Off already; not even loaded, which takes 0.3 s.
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
}

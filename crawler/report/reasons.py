"""Why links are not followed, by the names that scope gives; loads nothing, so that reports can be read quickly."""

from __future__ import annotations

REASONS = {
    "no_address": "not an http(s) address",
    "other_host": "another host or port than the site's",
    "outside_prefix": "outside the paths that the site's table names",
    "system_page": "administration, login or an interface for programs",
    "search": "a search result",
    "comment_feed": "a feed of comments",
    "reply_link": "the same page with a reply form",
    "share_link": "a link to share the page",
    "print_view": "the same page for print",
    "calendar_file": "a calendar export",
    "session_id": "an address with a session id",
    "file_type": "a picture, film, archive or program, not a page",
    "too_deep": "a path of more than 16 parts",
    "repeated_path": "a path that repeats itself",
    "sorted_view": "the same listing in another order",
    "query_variants": "one path with too many queries",
    "calendar": "a calendar whose pages bring nothing new",
    "endless_listing": "a listing whose pages bring nothing new",
    "pattern_budget": "too many addresses of one pattern",
    "same_answer": "one of many addresses that all gave the same page",
    "sitemap_depth": "a sitemap below four indexes",
}
"""The names of reasons and what they mean, for reports."""

"""Alarms: what is wrong with a site that a person should know of; judged after each crawl, told once.

    gathering -> facts -> rules -> Judgement -> standing (state.sqlite) -> delivery (an address, a program)

`judging.sounded` is what the end of a crawl calls; `standing.standing` reads what is wrong now.
"""

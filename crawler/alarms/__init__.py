"""Alarms: what is wrong with a site that a person should know of; judged after each crawl, told once.

    gathering -> facts -> rules -> Judgement -> standing (state.sqlite) -> delivery (an address, a program)

`judging.alarms_of` is the way in at a crawl's end; `standing.standing` reads what is wrong now.
"""

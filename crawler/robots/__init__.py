"""robots.txt as RFC 9309 says: read, kept across runs, obeyed.

    spelling     one spelling for a path and for a rule
    patterns     rules put in order, so that a path is held against few of them
    rules        what one file says to one crawler
    standing     how an origin stands: read, unavailable, unreachable; and until when
    table        where that is kept between runs
    reading      the requests for it
    middleware   the gate that every request of ours passes

The first four are functions from values to values.
"""

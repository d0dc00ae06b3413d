"""The crawler: fetches, records what went over the wire, and decides where to go next."""

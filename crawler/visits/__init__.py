"""What the capture of an address means for its next visit: one rule, in a crawl, after a kill, and played again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.model import Kind, Outcome, Truncation
from crawler.frontier.claims import Visit
from crawler.frontier.freshness import lifetime_s
from crawler.report.tally import outcome_of
from crawler.visits.retries import is_passing, retry_at
from crawler.visits.validators import Validators, validators_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archive.model import Capture
    from crawler.frontier.claims import Claim

    Fields = Sequence[tuple[bytes, bytes]]

_OF_THE_BODY = (b"content-", b"transfer-encoding", b"connection")


def visit_of(
    capture: Capture,
    claim: Claim,
    fields: Fields,
    *,
    again: float | None = None,
    confirmed: Callable[[Capture], Fields] = lambda capture: (),
) -> Visit:
    """Return what `capture` came to; `claim` is its address as it stood, `fields` are those of the answer.

    `confirmed` gives the fields of the stored answer that a 304 speaks of. Errors leave the digest that was there:
    what comes after them is compared with what came before.
    """
    outcome = outcome_of(capture, last_digest=claim.digest)
    is_told = outcome not in {Outcome.HTTP_ERROR, Outcome.TRUNCATED}
    if outcome is Outcome.NOT_MODIFIED and claim.is_requisite:
        fields = refreshed(confirmed(capture), fields)
    after = validators_after(
        capture,
        fields,
        Validators(claim.etag, claim.last_modified),
        is_unchanged=outcome is Outcome.UNCHANGED,
    )
    return Visit(
        claim.key,
        outcome,
        capture.digest if is_told else "",
        again,
        _fresh_until(capture, claim, fields),
        status=capture.status,
        etag=after.etag,
        last_modified=after.last_modified,
        changed=capture.digest != claim.digest if is_told and claim.digest else None,
    )


def again_at(
    capture: Capture, claim: Claim, fields: Fields, *, now: float, closed_until: float = 0.0
) -> float | None:
    """Return when to try again, None for not in this round: what may pass, and a 304 that nothing stored is behind.

    The latter only where conditions were sent; they are not sent again. `closed_until` is that of the host.
    """
    is_stray = capture.status == 304 and capture.kind is not Kind.REVISIT
    if is_stray and (claim.etag or claim.last_modified):
        return retry_at(now, failures=claim.failures)
    if not is_passing(capture):
        return None
    asked = next((value for name, value in fields if name.lower() == b"retry-after"), b"")
    return retry_at(
        now,
        failures=claim.failures,
        retry_after=asked.decode("latin-1"),
        closed_until=closed_until,
    )


def refreshed(stored: Fields, told: Fields) -> Fields:
    """Return the fields of a stored answer with what a 304 says of it now.

    What describes the body stays as it was stored with it. Source: RFC 9111 section 3.2.
    """
    news = tuple(field for field in told if not field[0].lower().startswith(_OF_THE_BODY))
    names = {name.lower() for name, _ in news}
    return (*(field for field in stored if field[0].lower() not in names), *news)


def _fresh_until(capture: Capture, claim: Claim, fields: Fields) -> float | None:
    """Return until when a requisite need not be asked for again; one that was too large would be again."""
    if not claim.is_requisite or capture.truncated not in {None, Truncation.LENGTH}:
        return None
    received = capture.date.timestamp()
    return received + lifetime_s(fields, status=capture.status, received=received)

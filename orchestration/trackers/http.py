"""The HTTP client as trackers need it: every fault says whether something may have been done."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from orchestration.extract.errors import (
    AccessError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.trackers import protocol


@contextmanager
def told_as_tracker() -> Generator[None]:
    """Faults of `Http` as the protocol's; a `RefusedError` that is handled inside stays as it is.

    Any other refusal (400, 409, a redirect) is rejected: it stays so until a person helps.
    """
    try:
        yield
    except AccessError as error:
        raise protocol.ForbiddenError(str(error)) from None
    except UnavailableError as error:
        raise protocol.UnavailableError(str(error)) from None
    except UnknownOutcomeError as error:
        raise protocol.AmbiguousError(str(error)) from None
    except SourceError as error:
        raise protocol.RejectedError(str(error)) from None

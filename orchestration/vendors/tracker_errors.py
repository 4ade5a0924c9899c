"""What `Http` raises, as the errors of the trackers' protocol."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from orchestration.http import (
    AccessError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.trackers import protocol

# Somebody else changed the same thing at the same moment.
CONFLICTS = frozenset({409, 412})


@contextmanager
def as_tracker_errors() -> Generator[None]:
    """Errors of `Http` as the protocol's; a `RefusedError` that is handled inside stays as it is.

    Any other refusal (400, a redirect) is rejected: it stays so until a person helps.
    """
    try:
        yield
    except AccessError as error:
        raise protocol.ForbiddenError(str(error)) from None
    except UnavailableError as error:
        raise protocol.UnavailableError(str(error)) from None
    except UnknownOutcomeError as error:
        raise protocol.AmbiguousError(str(error)) from None
    except RefusedError as error:
        is_conflict = error.status in CONFLICTS
        kind = protocol.ConflictError if is_conflict else protocol.RejectedError
        raise kind(str(error)) from None
    except SourceError as error:
        raise protocol.RejectedError(str(error)) from None

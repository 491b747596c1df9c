"""The retry policy of writes with a precondition on the version that was read."""

from __future__ import annotations

from google.api_core.exceptions import Aborted, ResourceExhausted, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type

CONTENDED = Retry(
    if_exception_type(Aborted, ResourceExhausted, ServiceUnavailable),
    initial=0.1,
    maximum=5.0,
    multiplier=1.5,
    timeout=60.0,
)
"""The library's own policy for a commit, and contention in addition.

Repeating is safe for a write with a precondition: one that landed although its answer was lost is
refused when it is repeated, and the next read shows that it landed.
"""

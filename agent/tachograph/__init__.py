"""Cost and health of a fleet of AI agents, from the task documents the agents already write.

```python
from tachograph import Fleet, Usage

with Fleet("acme") as fleet, fleet.session("builder-3", model="claude-sonnet-4-5") as session:
    with session.task("T-881", task_type="build") as task:
        task.record(Usage(tokens_in=50_000, tokens_out=10_000), model="claude-sonnet-4-5")
        task.complete()
```
"""

import importlib
import os
from typing import TYPE_CHECKING

# Read when gRPC is imported: without it, a child that is forked can reach no server.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")

if TYPE_CHECKING:
    from tachograph.coordination.messages import Message
    from tachograph.errors import (
        BranchHeld,
        ClaimLost,
        DispatchRefused,
        NotConnectedError,
        SuccessionTaken,
    )
    from tachograph.firestore.confirmation import Settled
    from tachograph.fleet import Fleet
    from tachograph.session.session import Session
    from tachograph.task.run import TaskRun
    from tachograph.tracing.task_spans import current_traceparent
    from tachograph_schema.usage import Usage

__all__ = [
    "BranchHeld",
    "ClaimLost",
    "DispatchRefused",
    "Fleet",
    "Message",
    "NotConnectedError",
    "Session",
    "Settled",
    "SuccessionTaken",
    "TaskRun",
    "Usage",
    "current_traceparent",
]

_HOME = {
    "BranchHeld": "tachograph.errors",
    "ClaimLost": "tachograph.errors",
    "DispatchRefused": "tachograph.errors",
    "Fleet": "tachograph.fleet",
    "Message": "tachograph.coordination.messages",
    "NotConnectedError": "tachograph.errors",
    "Session": "tachograph.session.session",
    "Settled": "tachograph.firestore.confirmation",
    "SuccessionTaken": "tachograph.errors",
    "TaskRun": "tachograph.task.run",
    "Usage": "tachograph_schema.usage",
    "current_traceparent": "tachograph.tracing.task_spans",
}


def __getattr__(name: str) -> object:
    """Import a name at its first use: Firestore takes half a second, and `--help` needs none."""
    if name not in _HOME:
        raise AttributeError(f"module 'tachograph' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)

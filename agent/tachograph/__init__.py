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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tachograph.claiming import ClaimLost
    from tachograph.connection import NotConnectedError
    from tachograph.dispatching import DispatchRefused
    from tachograph.fleet import Fleet
    from tachograph.leasing import BranchHeld
    from tachograph.messaging import Message
    from tachograph.session import Session
    from tachograph.settling import Settled
    from tachograph.succeeding import SuccessionTaken
    from tachograph.task import TaskRun
    from tachograph.tracer import current_traceparent
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
    "BranchHeld": "tachograph.leasing",
    "ClaimLost": "tachograph.claiming",
    "DispatchRefused": "tachograph.dispatching",
    "Fleet": "tachograph.fleet",
    "Message": "tachograph.messaging",
    "NotConnectedError": "tachograph.connection",
    "Session": "tachograph.session",
    "Settled": "tachograph.settling",
    "SuccessionTaken": "tachograph.succeeding",
    "TaskRun": "tachograph.task",
    "Usage": "tachograph_schema.usage",
    "current_traceparent": "tachograph.tracer",
}


def __getattr__(name: str) -> object:
    """Import a name when it is asked for: Firestore takes half a second, `--help` needs none."""
    if name not in _HOME:
        raise AttributeError(f"module 'tachograph' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)

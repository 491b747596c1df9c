"""Lines of the log as Cloud Logging reads them: JSON, each with the trace it belongs to."""

from __future__ import annotations

import json
import logging
import os
import sys

from runtime.tracing import place

_SEVERITY = {"WARN": "WARNING", "FATAL": "CRITICAL"}


class Structured(logging.Formatter):
    """One JSON object a line. It holds what the code says: paths and counts, never content."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as Cloud Logging takes it apart."""
        line: dict[str, str | bool] = {
            "severity": _SEVERITY.get(record.levelname, record.levelname),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            line["stack_trace"] = self.formatException(record.exc_info)
        at = place()
        if at is not None:
            project = os.environ.get("GOOGLE_CLOUD_PROJECT", "-")
            line |= {
                "logging.googleapis.com/trace": f"projects/{project}/traces/{at.trace_id}",
                "logging.googleapis.com/spanId": at.span_id,
                "logging.googleapis.com/trace_sampled": at.sampled,
            }
        return json.dumps(line)


def log_in_the_cloud() -> None:
    """Log so that Cloud Logging understands it, where this process runs in the cloud."""
    if not os.environ.get("K_SERVICE") or os.environ.get("FUNCTIONS_EMULATOR"):
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Structured())
    logging.basicConfig(level=logging.INFO, handlers=[handler])

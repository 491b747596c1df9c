"""The memory of the Firestore emulator, which holds every document in its heap.

Java's own bound is a quarter of the machine's memory, and it takes it all before it tidies up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tachograph.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "TACHOGRAPH_EMULATOR_MB"
DEFAULT_MB = 1024
LEAST_MB = 32
BESIDE_MB = 900
"""The rest of the stack: node, the functions, and Java outside its heap."""


def heap_mb(environment: Mapping[str, str]) -> int:
    """Return the bound of the emulator's heap. Raises OperatorError for a setting that is none."""
    setting = environment.get(SETTING) or str(DEFAULT_MB)
    if not setting.isascii() or not setting.isdigit() or int(setting) < LEAST_MB:
        raise OperatorError(
            f'{SETTING} is "{setting}"; expected megabytes, {LEAST_MB} or more, such as 2048'
        )
    return int(setting)


def java_options(environment: Mapping[str, str]) -> str:
    """Return JAVA_TOOL_OPTIONS with the bound, behind the options that are set already.

    Out of memory, Java would go on without the thread that met it; now it ends, and says so.
    """
    mb = heap_mb(environment)
    ours = f"-Xmx{mb}m -XX:+ExitOnOutOfMemoryError -XX:+UseParallelGC -XX:GCTimeLimit=90"
    return f"{environment.get('JAVA_TOOL_OPTIONS', '')} {ours}".strip()

"""The processes that listen on a port of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"  # TCP_LISTEN, include/net/tcp_states.h


class Listeners(NamedTuple):
    """Whether our processes, and whether others, listen on a port."""

    ours: bool
    strangers: bool


def look(port: int, pids: Iterable[int]) -> Listeners | None:
    """Tell whether these processes listen on a port, and whether any others do.

    None where this machine offers no way to know.
    """
    if _TABLES[0].exists():
        sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
        ours = sockets & {name for pid in pids for name in _open_files(pid)}
        return Listeners(bool(ours), bool(sockets - ours))
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp"]
    try:
        rows = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return None
    listening = {int(row[1:]) for row in rows.splitlines() if row.startswith("p")}
    own = listening & set(pids)
    return Listeners(bool(own), bool(listening - own))


def _inodes(port: int) -> set[str]:
    found = set()
    for table in _TABLES:
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        for row in rows:
            # sl, local address, remote address, state, queues, timer, retransmits, uid, timeout,
            # inode: proc_net_tcp.rst of the kernel.
            fields = row.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _open_files(pid: int) -> Iterable[str]:
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            try:
                yield str(file.readlink())
            except FileNotFoundError:
                continue
    except (FileNotFoundError, PermissionError):
        return

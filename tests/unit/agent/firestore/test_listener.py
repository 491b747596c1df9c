"""A listener that is closed ends, whether or not Firestore can be reached."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

_CLOSES = """
import sys, threading, time
from google.cloud import firestore
from tachograph.firestore import listener as module
from tachograph.firestore.listener import listen

reopened = set()
enter = module._ReopenDelay.__enter__
module._ReopenDelay.__enter__ = lambda delay: (reopened.add(id(delay)), enter(delay))[1]
client = firestore.Client(project="demo")
listeners = [listen(client.document(f"fleets/f{n}"), lambda *_: None) for n in range(5)]
while len(reopened) < len(listeners):
    time.sleep(0.01)
for listener in listeners:
    listener.close()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(60)
sys.exit(threading.active_count() - 1)
"""


def test_closed_listener_leaves_no_thread_where_firestore_cannot_be_reached() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # held, so that nobody answers there
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": address}
        command = [sys.executable, "-c", _CLOSES]
        assert subprocess.run(command, env=environment, timeout=300, check=False).returncode == 0

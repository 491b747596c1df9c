"""Why git failed, in a word, from what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tachograph.coordination.git import WorkingCopy, failure_reason

_PRINTED = {
    "non_fast_forward": [
        " ! [rejected]        main -> main (fetch first)\nerror: failed to push some refs",
        " ! [rejected]        main -> main (non-fast-forward)",
        "fatal: Not possible to fast-forward, aborting.",
    ],
    "merge_conflict": [
        "Auto-merging file\nCONFLICT (content): Merge conflict in file\nAutomatic merge failed",
        "error: could not apply 1a2b3c4... words",
    ],
    "lock": [
        "fatal: Unable to create '/x/.git/index.lock': File exists.\n\nAnother git process seems",
        "error: cannot lock ref 'refs/heads/main': is at 1a but expected 2b",
    ],
    "refused_by_host": [
        "remote: error: GH006: Protected branch update failed for refs/heads/main.",
        " ! [remote rejected] main -> main (pre-receive hook declined)",
    ],
    "local_changes": ["error: Your local changes to the following files would be overwritten by"],
    "authentication": ["remote: Invalid username\nfatal: Authentication failed for 'https://x/'"],
    "network": ["fatal: unable to access 'https://x/': Could not resolve host: x"],
    "unknown_name": ["error: pathspec 'nobody' did not match any file(s) known to git"],
    "nothing_to_do": ["On branch main\nnothing to commit, working tree clean"],
    "other": ["fatal: something unheard of", ""],
}


@pytest.mark.parametrize(
    ("reason", "printed"), [(reason, text) for reason, texts in _PRINTED.items() for text in texts]
)
def test_reason_is_told_from_what_git_prints(reason: str, printed: str) -> None:
    assert failure_reason(printed) == reason


def test_remote_that_does_not_answer_has_no_head(tmp_path: Path) -> None:
    assert WorkingCopy(tmp_path).remote_head("main") is None
    assert WorkingCopy(tmp_path / "gone").remote_head("main") is None

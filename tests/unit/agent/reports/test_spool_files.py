"""A process starts, goes on and keeps its own reports, whatever lies in the spool's folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tachograph.reports.queue import ReportQueue
from tachograph.reports.recovery import recover
from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Spool
from tachograph.reports.spool_files import alone_in
from tachograph.reports.spool_lines import SpooledReports, head_of, line_of

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = ReportKey("t-1", "b-1:s-1", "s-1")
_HUGE_BYTES = 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for a spool, of this user alone."""
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


def _line(number: int = 1) -> bytes:
    return line_of(head_of(_KEY), Report(number, _AT, fields={"status": "completed"}))


def _leave_a_report(folder: Path) -> None:
    """Write the file of a process that is gone, last by its name."""
    (folder / "9-good.jsonl").write_bytes(_line())


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(1, 256)) * 100 + b"\n" + b"\xff" * 10)


def _no_report(path: Path) -> None:
    path.write_bytes(b'{"t":"t-1"}\n[]\nnull\n1\n"a"\n{}\n')


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(_line(7))
    path.symlink_to(target)


def _dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _second_name(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(_line(7))
    path.hardlink_to(target)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(_HUGE_BYTES)  # without a block on the disk


def _deep(path: Path) -> None:
    path.write_bytes(b"[" * 100_000 + b"\n")


def _long_number(path: Path) -> None:
    path.write_bytes(_line().replace(b'"n":1', b'"n":' + b"9" * 5_000))


_PLANTED = [
    _binary,
    _no_report,
    _folder,
    _pipe,
    _link,
    _dangling_link,
    _second_name,
    _huge,
    _deep,
    _long_number,
]


@pytest.mark.parametrize("plant", _PLANTED)
def test_planted_file_is_moved_aside_and_the_reports_of_others_are_taken_up(
    folder: Path, plant: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    plant(folder / "1-bad.jsonl")
    _leave_a_report(folder)
    spool = Spool(folder)
    [recovered] = recover(spool)
    assert [report.number for report, _ in recovered.reports] == [1]
    assert not os.path.lexists(folder / "1-bad.jsonl")
    assert os.path.lexists(folder / "1-bad.jsonl.damaged")
    assert "1-bad.jsonl" in caplog.text
    caplog.clear()
    assert recover(Spool(folder)) == []  # the good file is locked, and the bad one is not met again
    assert "1-bad" not in caplog.text
    recovered.spooled.landed([segment for _, segment in recovered.reports])
    assert sorted(p.name for p in folder.glob("*.jsonl")) == []
    spool.close()


@pytest.mark.parametrize("plant", _PLANTED)
def test_process_keeps_its_own_reports_beside_a_planted_file(
    folder: Path, plant: Callable[[Path], None]
) -> None:
    plant(folder / "1-bad.jsonl")
    spool = Spool(folder)
    assert recover(spool) == []
    assert SpooledReports(spool, _KEY).keep(Report(1, _AT)) is not None
    spool.close()
    later = Spool(folder)
    [recovered] = recover(later)
    assert recovered.spooled.key == _KEY
    later.close()


def test_line_that_is_cut_short_costs_itself_alone(folder: Path) -> None:
    (folder / "1-cut.jsonl").write_bytes(_line(1) + _line(2) + _line(3)[:-9])
    spool = Spool(folder)
    [recovered] = recover(spool)
    assert [report.number for report, _ in recovered.reports] == [1, 2]
    spool.close()


def test_garbage_between_reports_costs_itself_alone(folder: Path) -> None:
    (folder / "1-half.jsonl").write_bytes(_line(1) + b"\xff\xfe{\n" + _line(2))
    spool = Spool(folder)
    [recovered] = recover(spool)
    assert [report.number for report, _ in recovered.reports] == [1, 2]
    spool.close()


def test_planted_file_whose_damaged_name_is_taken_blocks_nobody(folder: Path) -> None:
    (folder / "1-bad.jsonl").symlink_to("nowhere")
    (folder / "1-bad.jsonl.damaged").mkdir()
    _leave_a_report(folder)
    spool = Spool(folder)
    assert len(recover(spool)) == 1
    spool.close()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o720])
def test_folder_that_others_may_write_into_is_not_used(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    _leave_a_report(folder)
    folder.chmod(mode)
    spool = Spool(folder)
    assert recover(spool) == []
    assert SpooledReports(spool, _KEY).keep(Report(1, _AT)) is None
    assert [path.name for path in folder.iterdir()] == ["9-good.jsonl"]
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
    spool.close()


def test_folder_of_another_user_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _leave_a_report(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    spool = Spool(folder)
    assert recover(spool) == []
    assert SpooledReports(spool, _KEY).keep(Report(1, _AT)) is None
    assert str(folder) in caplog.text
    spool.close()


def _as_link(folder: Path) -> None:
    target = folder.with_name("elsewhere")
    target.mkdir(mode=0o700)
    folder.symlink_to(target)


@pytest.mark.parametrize("make", [_as_link, _pipe, _binary])
def test_folder_that_is_none_is_not_used(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / "spool")
    spool = Spool(tmp_path / "spool")
    assert recover(spool) == []
    assert SpooledReports(spool, _KEY).keep(Report(1, _AT)) is None
    assert "spool" in caplog.text
    spool.close()


def test_full_disk_is_a_warning_and_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_file: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    spool, reports = Spool(folder), SpooledReports(Spool(folder), _KEY)
    monkeypatch.setattr(os, "write", full)
    assert [reports.keep(Report(n, _AT)) for n in (1, 2)] == [None, None]
    monkeypatch.undo()
    assert caplog.text.count("No space left") == 1
    assert list(folder.iterdir()) == []
    spool.close()


def test_reports_of_one_sequence_are_taken_out_of_all_its_files_in_their_order(
    folder: Path,
) -> None:
    (folder / "1-a.jsonl").write_bytes(_line(3) + _line(4))
    (folder / "1-b.jsonl").write_bytes(_line(1) + _line(2))
    spool = Spool(folder)
    [recovered] = recover(spool)
    queue = ReportQueue(_KEY.reporter, _KEY.session, spooled=recovered.spooled)
    queue.restore(recovered.reports)
    fields = queue.next_fields(None)
    assert fields is not None
    assert fields["reports"] == {_KEY.reporter: 4}
    queue.wrote()
    assert list(folder.glob("*.jsonl")) == []
    spool.close()


def test_process_that_takes_files_up_takes_all_there_are(folder: Path) -> None:
    _leave_a_report(folder)
    with alone_in(folder) as alone:
        assert alone
        assert recover(Spool(folder)) == []
    spool = Spool(folder)
    assert len(recover(spool)) == 1
    spool.close()

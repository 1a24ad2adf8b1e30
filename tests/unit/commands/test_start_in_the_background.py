"""What `up --detach` says of a start that failed in the background."""

from pathlib import Path

from arnia.commands import lifecycle


def test_whole_complaint_is_told(tmp_path: Path) -> None:
    """The last complaint is told from its beginning, though it names a folder that looks like one."""
    log = tmp_path / "log"
    log.write_text(
        "edge is ready\narnia: Another `arnia up` runs on the data in /x/.arnia: stop it with `arnia down`.\n"
    )
    told = lifecycle._fault(log)
    assert told == "Another `arnia up` runs on the data in /x/.arnia: stop it with `arnia down`."

"""Bugs that are usual where events are carried, each planted into a copy of the chassis that the services then import.

The simulator plants more (`tests/simulation`). Here are those that real servers and real faults can show from the
outside within minutes. What they cannot: relays that take each other's rows (`SKIP LOCKED`, lock and read in one
statement) publish out of order, which the inbox of each consumer mends; a queue that is parked as a whole, a second id
at a redrive, an attempt that is counted with its effect need a death within a few milliseconds that nothing but the
simulator meets.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.stand import ROOT

__all__ = ["BUGS", "Bug", "plant"]

BROKER: Final = ("kill broker", "reset broker", "truncate broker", "refuse broker", "hang broker", "half-open broker")
CONSUMERS: Final = (
    "kill notification",
    "kill scheduler",
    "kill postgres and notification",
    "kill postgres and scheduler",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A bug.

    Attributes:
        about: What is wrong.
        lines: By file below `src/arnia/chassis`, each line that is damaged, and what is there instead.
        rules: What the checker says of it: one of these at least.
        harms: The faults that show it.
        number: How many of them there are.
        changes: How many changes are acknowledged at least.
        lanes: How many clients there are.
    """

    about: str
    lines: Mapping[str, Mapping[str, str]]
    rules: tuple[str, ...]
    harms: tuple[str, ...]
    number: int = 4
    changes: int = 150
    lanes: int = 4


BUGS: Final[Mapping[str, Bug]] = {
    "ack before commit": Bug(
        about="What is handed over is acknowledged before it is remembered.",
        lines={"consumers.py": {'self._reach("inbox.fetched")': "await intake.acknowledge(received)"}},
        rules=("lost",),
        harms=CONSUMERS,
        number=16,
    ),
    "no inbox": Bug(
        about="What is handed over is handled, however often that is.",
        lines={
            "inbox.py": {"new = [message for message in batch if message.id in known]": "new = list(batch)"},
            "placing.py": {
                "if message.sequence == (progress.last or 0) + 1:": "if message.sequence <= (progress.last or 0) + 1:",
                "progress.last = message.sequence": "progress.last = max(message.sequence, progress.last or 0)",
            },
            "backlog.py": {"if progress.baseline < message.sequence <= progress.last:": "if False:"},
        },
        rules=("doubled", "torn"),
        harms=("repeat messages", "kill notification"),
        number=8,
    ),
    "gaps skipped": Bug(
        about="Whatever is later is gone on with, though something is missing.",
        lines={
            "placing.py": {
                "if message.sequence == (progress.last or 0) + 1:": "if message.sequence > (progress.last or 0):"
            },
            # A process that comes up leaves what it is handed to the backlog.
            "backlog.py": {
                "if progress.last is None or message.sequence > progress.last + 1:": "if progress.last is None:"
            },
        },
        rules=("lost",),
        harms=("kill notification", "kill scheduler", "reset broker"),
        number=9,
    ),
    "mark before publish": Bug(
        about="What is about to be sent is marked as sent first, in a transaction of its own.",
        lines={
            "outbox_store.py": {
                "yield _Claim(session, messages)": (
                    "async with self._database.session(read_only=False) as first:\n"
                    "                await _Claim(first, messages).mark(messages)\n"
                    "            yield _Claim(session, messages)"
                )
            }
        },
        rules=("lost",),
        harms=BROKER,
    ),
    "publish without confirm": Bug(
        about="What is written to the connection is taken for sent.",
        lines={
            "brokers/nats.py": {
                "for message in await self._rest(fit, complaints):": "for message in fit:",
                "await self._confirmed(waiting, complaints)": "pass",
            }
        },
        rules=("lost",),
        harms=BROKER,
    ),
    "doubt swallowed": Bug(
        about="A publication that broke off is taken for one that arrived.",
        lines={
            "relay.py": {
                "await self._broker.publish(messages)": (
                    "with suppress(Unavailable):\n                    await self._broker.publish(messages)"
                )
            }
        },
        rules=("lost",),
        harms=BROKER,
    ),
    "positions taken unconfirmed": Bug(
        about="A publication past the outbox that broke off is answered like one that arrived.",
        lines={
            "ingest.py": {
                "await self._outlet.publish(messages, self._context.deadline - MARGIN)": (
                    "try:\n            await self._outlet.publish(messages, self._context.deadline - MARGIN)\n"
                    "        except Unavailable:\n            pass"
                )
            }
        },
        rules=("lost",),
        harms=BROKER,
    ),
    "cursor": Bug(
        about="Only what is behind the last id that was sent is read: what commits late with an earlier one never is.",
        lines={
            "outbox_store.py": {
                "WHERE sent_at IS NULL AND refused_at IS NULL AND (aggregate_type, aggregate_id) NOT IN (": (
                    "WHERE id > ALL (SELECT id FROM arnia_outbox WHERE sent_at IS NOT NULL ORDER BY id DESC LIMIT 1)"
                    " AND sent_at IS NULL AND refused_at IS NULL AND (aggregate_type, aggregate_id) NOT IN ("
                )
            }
        },
        rules=("stuck", "lost"),
        harms=("sever sessions", "kill drone"),
        changes=2000,
        lanes=16,  # so that many transactions are open whenever the relay looks
    ),
}


def plant(bug: Bug | None, folder: Path) -> Path:
    """Copy the chassis into `folder`, with a bug in it or as it is; return where it is imported from.

    Raises:
        LookupError: The line is there no more: plant the bug anew.
    """
    sources = folder / "sources"
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    for name, lines in (bug.lines if bug else {}).items():
        file = sources / "arnia" / "chassis" / name
        text = file.read_text()
        for line, instead in lines.items():
            if text.count(line) != 1:
                message = f"{name} has no single {line!r} any more: plant the bug anew"
                raise LookupError(message)
            text = text.replace(line, instead)
        compile(text, name, "exec")
        file.write_text(text)
    return sources

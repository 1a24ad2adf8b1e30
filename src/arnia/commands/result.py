"""What every command returns."""

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """The outcome of a command: a frozen value that a script reads as JSON and a person as text.

    Attributes:
        ok: Whether the answer is yes. A command that ran well and found something wrong is not `ok`; one that could
            not run raises an `ArniaError` instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok: bool = True

    def text(self) -> str:
        """Return what a person wants to read, without a newline at the end; empty when there is nothing to say."""
        raise NotImplementedError


def count(number: int, noun: str) -> str:
    """Return `1 fault` or `2 faults`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""What the suite says when a service breaks a rule: which rule, in one sentence, with what was sent and came back."""

from arnia.testing.http import Answer, Call

__all__ = ["Nonconformance", "Untried", "require"]


class Nonconformance(AssertionError):
    """A rule of design section 7 is broken; `rule` says which, as a number or, beyond the list, a word."""

    def __init__(self, rule: str, sentence: str, evidence: tuple[object, ...]) -> None:
        self.rule = rule
        shown = "".join(f"\n    {_show(item)}" for item in evidence)
        super().__init__(f"rule {rule}: {sentence}{shown}")


class Untried(Nonconformance):
    """A rule could not be tried, though the document says that it applies: nobody knows whether it is kept."""

    def __init__(self, reason: str) -> None:
        hint = "give an example of a body in its schema, link the action, or say in `untried` why it cannot be"
        super().__init__("untried", reason, (hint,))


def require(holds: object, rule: str, sentence: str, *evidence: object) -> None:
    """Insist on something that the rule demands.

    Raises:
        Nonconformance: it does not hold.
    """
    if not holds:
        raise Nonconformance(rule, sentence, evidence)


def _show(item: object) -> str:
    if isinstance(item, Call):
        return f"sent  {item}"
    if isinstance(item, Answer):
        return f"got   {item}"
    return str(item)

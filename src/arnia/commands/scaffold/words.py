"""The names of a new service, in every form that its files need."""

import builtins
import keyword
import re
import sys
from dataclasses import dataclass
from typing import Final, Self

from arnia.conventions import environment_prefix, package
from arnia.errors import UsageError

LABEL: Final = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
LONGEST: Final = 40
"""Shorter than a DNS label may be: databases, constraints and files are named after it too."""
SILENT: Final = frozenset(
    {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils", "arnia", "contract", "tests"}
)
"""Names that say nothing about what is in there, or that mean something else in the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The forms of one service's and its resource's name.

    Attributes:
        service: `order-intake`: a DNS label.
        singular: `purchase-order`: one of what it owns.
    """

    service: str
    singular: str

    @classmethod
    def of(cls, service: str, resource: str | None = None) -> Self:
        """Return the words for `service`, which owns `resource` (what its own name says when None).

        Raises:
            UsageError: A name would not work everywhere; the sentence says where and what to do.
        """
        check_label("service", service)
        if package(service) in sys.stdlib_module_names:
            raise UsageError(f"service {service!r}: Python has a module of that name: choose another.")
        named = resource or singular_of(service)
        check_label("resource", named)
        words = cls(service=service, singular=singular_of(named))
        if taken := words.forms() & (set(dir(builtins)) | set(keyword.kwlist)):
            raise UsageError(f"resource {words.singular!r}: {min(taken)} is Python's: choose another with --resource.")
        return words

    @property
    def plural(self) -> str:
        """Several of what it owns."""
        return plural_of(self.singular)

    def forms(self) -> set[str]:
        """Return the names that the resource takes in code."""
        values = self.values()
        return {values[form] for form in ("resource", "resources", "Resource", "Resources")}

    def values(self) -> dict[str, str]:
        """Return what each placeholder of a template stands for."""
        noun, nouns = self.singular.replace("-", " "), self.plural.replace("-", " ")
        article = "an" if noun[0] in "aeiou" else "a"
        return {
            "service": self.service,
            "package": package(self.service),
            "PREFIX": environment_prefix(self.service),
            "singular": self.singular,
            "collection": self.plural,
            "resource": package(self.singular),
            "resources": package(self.plural),
            "Resource": noun.title().replace(" ", ""),
            "Resources": nouns.title().replace(" ", ""),
            "noun": noun,
            "nouns": nouns,
            "a_noun": f"{article} {noun}",
            "A_noun": f"{article.title()} {noun}",
        }


def check_label(what: str, name: str) -> None:
    """Raise unless `name` can name a `what` everywhere: in a host name, a package, a database and a path.

    Raises:
        UsageError: It cannot.
    """
    if not LABEL.fullmatch(name) or "--" in name:
        raise UsageError(
            f"{what} {name!r}: write a DNS label of at most {LONGEST} characters: "
            "small letters, digits and single hyphens, a letter first, such as `order-intake`."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UsageError(f"{what} {name!r}: this is a word of Python: choose another.")
    if silent := SILENT.intersection(name.split("-")):
        raise UsageError(f"{what} {name!r}: {min(silent)!r} does not say what is in it: choose another.")


def singular_of(name: str) -> str:
    """Return one of what `name` may call several; English, by rule of thumb."""
    if name.endswith("ies") and len(name) > 4:
        return name.removesuffix("ies") + "y"
    if name.endswith(("sses", "shes", "ches", "xes")):
        return name.removesuffix("es")
    if name.endswith("s") and not name.endswith(("ss", "us", "is", "as", "ics", "news")) and len(name) > 2:
        return name.removesuffix("s")
    return name


def plural_of(name: str) -> str:
    """Return several of what `name` calls one; English, by rule of thumb."""
    if name.endswith("y") and name[-2:-1] not in {*"aeiou", ""}:
        return name.removesuffix("y") + "ies"
    return name + ("es" if name.endswith(("s", "x", "z", "ch", "sh")) else "s")

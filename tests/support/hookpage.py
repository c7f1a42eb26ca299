"""docs/hooks.md, made of hookspecs.py: ``python tests/support/hookpage.py > docs/hooks.md``."""

from __future__ import annotations

import inspect
import re
import textwrap

from satchel import Outcome, Proposal, hookspecs
from satchel.hooks import Plugins


def page() -> str:
    """The page as it should be."""
    parts = ["# Hooks\n", *_prose(hookspecs).split("\n\n")[1:]]
    infos = (hookspecs.RequestInfo, hookspecs.ResponseInfo, hookspecs.JobInfo)
    parts += map(_kind, (*infos, Proposal, Outcome))
    parts += [_hook(name) for name in Plugins().hooks()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _prose(thing: object) -> str:
    """A docstring as Markdown."""
    text, _, code = inspect.cleandoc(thing.__doc__ or "").partition("\n::\n")
    text = re.sub(r":(?:func|exc|class):`(?:\w+\.)*?(\w+(?:\.\w+)?)`", r"`\1`", text)
    text = re.sub(r":ivar (\w+): ", r"- `\1`: ", text).replace("``", "`")
    text = re.sub(r"\.\. versionadded:: (\S+)", r"Since \1.", text)
    return f"{text}\n```python\n{textwrap.dedent(code).strip()}\n```" if code else text


def _kind(cls: type) -> str:
    return f"## {cls.__name__}\n\n{_prose(cls)}"


def _hook(name: str) -> str:
    function = getattr(hookspecs, name)
    signature = re.sub("'", "", str(inspect.signature(function)))
    return f"## `{name}{signature}`\n\n{_prose(function)}"


if __name__ == "__main__":
    print(page(), end="")

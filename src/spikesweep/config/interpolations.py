"""What interpolations would become is counted before they are: `${a}` twice in each of forty lines is 2**40.

OmegaConf resolves every reference anew, and a reference to a node copies all that is below it.
"""

import re
from typing import Any

from spikesweep.errors import InputError, is_text, shown

#: Characters and values that all interpolations of a configuration may become.
_MOST = 2_000_000
#: Interpolations inside interpolations, and texts that are.
_DEEPEST, _LONGEST = 20, 100_000
#: A reference, or the name of a resolver and its colon.
_REFERENCE = re.compile(r"\$\{\s*([^{}$,:\s]*)\s*(:?)")
#: Resolvers that read a node by a name that is a text, and those that make an interpolation of any text.
_BY_NAME = re.compile(r"\$\{\s*oc\.(?:select|dict\.keys|dict\.values)\s*:\s*['\"]?([\w.\[\]]+)")
_MAKES = re.compile(r"\$\{\s*(oc\.(?:create|decode))\s*:(?!\s*\$\{\s*oc\.env\s*:[^{}$]*\}\s*\})")

_Path = tuple[str, ...]


def refuse_endless(values: Any) -> None:
    """Refuse interpolations that refer to themselves or become too much; raise InputError.

    `values` are those of a configuration, interpolations as text. What each becomes is counted once.
    """
    _Count(values).of(())


class _Count:
    def __init__(self, values: Any) -> None:
        self.values, self.known = values, dict[_Path, int]()
        self.under_way: list[_Path] = []  # places whose text is being followed

    def of(self, place: _Path) -> int:
        """Return how much a place becomes."""
        if place not in self.known:
            n = self._counted(place, self._at(place))
            if n > _MOST:
                where = ".".join(place) or "the configuration"
                raise InputError(f"the interpolations of {where} become {n:,} characters; allowed: {_MOST:,}")
            self.known[place] = n
        return self.known[place]

    def _counted(self, place: _Path, node: Any) -> int:
        if isinstance(node, dict):
            return 1 + sum(self.of((*place, str(name))) for name in node)
        if isinstance(node, list):
            return 1 + sum(self.of((*place, str(i))) for i in range(len(node)))
        if not isinstance(node, str) or "${" not in node:
            return len(node) if isinstance(node, str) else 1
        where = ".".join(place)
        if len(node) > _LONGEST or node.count("${") > _LONGEST // 100:
            raise InputError(f"{where} = {shown(node)} is refused; allowed: {_LONGEST // 100} interpolations")
        if found := _MAKES.search(node):
            raise InputError(f"{where} = {shown(node)} is refused: {found[1]}; allowed: of oc.env alone")
        if _depth(node) > _DEEPEST:
            raise InputError(f"{where} = {shown(node)} is refused; allowed: {_DEEPEST} levels")
        self.under_way.append(place)
        n = len(node) + sum(self._referred(place, target) for target in self._targets(place, node))
        self.under_way.pop()
        return n

    def _targets(self, place: _Path, text: str) -> list[_Path]:
        """Return the nodes that a text refers to; of a name that is made of others, what stands before."""
        names = [name for name, colon in _REFERENCE.findall(text) if not colon] + _BY_NAME.findall(text)
        found = []
        for name in names:
            path = name.replace("[", ".").replace("]", "").lstrip(".")
            dots = len(name) - len(name.lstrip("."))
            base = place[: len(place) - dots] if dots else ()
            found.append((*base, *(part for part in path.split(".") if part)))
        return found

    def _referred(self, place: _Path, target: _Path) -> int:
        """Return how much a reference becomes; what it does not name, OmegaConf explains."""
        for n in range(1, len(target)):  # through another reference: all that this one names
            if isinstance(self._at(target[:n]), str):
                target = target[:n]
                break
        if not target or self._at(target) is None:
            return 1
        if any(around[: len(target)] == target for around in self.under_way):
            raise InputError(
                f"{'.'.join(place)} refers to {'.'.join(target)}, which it is a part of; "
                "allowed: interpolations of other values"
            )
        return self.of(target)

    def _at(self, place: _Path) -> Any:
        node = self.values
        for name in place:
            if isinstance(node, list):
                node = node[int(name)] if name.isdecimal() and int(name) < len(node) else None
            else:
                keys = {str(key): key for key in node} if isinstance(node, dict) else {}
                node = node[keys[name]] if name in keys else None
        return node


def _depth(text: str) -> int:
    depth = deepest = 0
    for c in text:
        depth += (c == "{") - (c == "}")
        deepest = max(deepest, depth)
    return deepest


def refuse_unprintable(node: Any, where: str = "") -> None:
    """Refuse names and texts that are not one line of printable characters; raise InputError."""
    if isinstance(node, dict):
        for name, value in node.items():
            if not is_text(str(name)):
                raise InputError(f"the name {shown(name)} in {where or 'the configuration'} {_PRINTABLE}")
            if where or name != "exclude":  # conditions may have lines
                refuse_unprintable(value, f"{where}.{name}" if where else str(name))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            refuse_unprintable(value, f"{where}[{i}]")
    elif isinstance(node, str) and not is_text(node):
        raise InputError(f"{where} = {shown(node)} {_PRINTABLE}")


_PRINTABLE = "is refused; allowed: one line of characters that can be printed"

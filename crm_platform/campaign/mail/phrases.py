"""The phrases of many rules, looked for in a text all at once.

Here: how a phrase is written, and the one pass that finds all that a text says. Not here: the phrases (`rules/`)
and what follows from them (`reasons.py`).

A phrase stands in small letters and begins where a word begins; its end is open, so that `quota` is also in `quotas`.
` * ` is any gap, ` ~3 ` a gap of at most three words of the same sentence, `{mailbox}` any of the words of that group.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

_PIECES = re.compile(r" (\*|~\d) ")
_GROUP = re.compile(r"\{(\w+)\}")
_WORD_BEGINS = r"(?:(?<![a-z])|(?![a-z]))"
# The rest of a word, then whole words that end no sentence; where words are written without spaces, a few characters.
_FEW_WORDS = r"(?:\S{{0,30}}(?<![.;!?]) (?:\S{{0,60}}[^\s.;!?] ){{0,{words}}}?|[^a-z\s]{{0,12}})"


@dataclass(frozen=True)
class _Pattern:
    """A phrase with gaps or groups: it can only stand where one word of each of `needed` stands."""

    needed: tuple[frozenset[str], ...]
    expressions: tuple[str, ...]

    @cached_property
    def stretches(self) -> tuple[re.Pattern[str], ...]:
        """What stands one after the other; compiled when first needed, for most patterns rarely are."""
        return tuple(re.compile(each) for each in self.expressions)

    def stands_in(self, text: str, words: frozenset[str]) -> bool:
        if any(words.isdisjoint(each) for each in self.needed):
            return False
        position = 0
        for stretch in self.stretches:
            match = stretch.search(text, position)
            if match is None:
                return False
            position = match.end()
        return True


@dataclass
class _Branch:
    """A node of the tree of words: the letters that follow, and the words that have been said when it is reached."""

    branches: dict[str, "_Branch"] = field(default_factory=dict)
    is_word: bool = False

    def expression(self) -> str:
        """All that follows from here, the longest first."""
        ways = [re.escape(letter) + branch.expression() for letter, branch in self.branches.items()]
        if not ways:
            return ""
        if len(ways) == 1 and not self.is_word:
            return ways[0]  # most letters: a group for each takes the compiler twice as long
        return f"(?:{'|'.join(ways)})" + ("?" if self.is_word else "")


class PhraseBook:
    """Phrases of many owners, each owner known by its number.

    Raises:
        ValueError: a phrase names a group of words that is not there.
    """

    def __init__(self, phrases: Sequence[Sequence[str]], groups: Mapping[str, Sequence[str]]) -> None:
        self._owners: dict[str, set[int]] = {}
        self._patterns: dict[str, list[tuple[int, _Pattern]]] = {}
        tree = _Branch()
        for owner, each in ((owner, each) for owner, said in enumerate(phrases) for each in said):
            if _PIECES.search(each) or _GROUP.search(each):
                pattern = _pattern(each, groups)
                words = {word for needed in pattern.needed for word in needed}
                for word in min(pattern.needed, key=len):
                    self._patterns.setdefault(word, []).append((owner, pattern))
            else:
                self._owners.setdefault(each, set()).add(owner)
                words = {each}
            for word in words:
                _grow(tree, word)
        self._words = re.compile(f"{_WORD_BEGINS}(?=({tree.expression()}))") if tree.branches else None
        self._beginnings = dict(_beginnings(tree, "", ()))

    def owners_in(self, text: str) -> set[int]:
        """The owners of whose phrases at least one stands in a text that is in its comparable form."""
        if self._words is None:
            return set()
        longest: set[str] = set(self._words.findall(text))
        words = frozenset(word for each in longest for word in self._beginnings[each])
        found: set[int] = set()
        for word in words:
            found |= self._owners.get(word, set())
            for owner, pattern in self._patterns.get(word, ()):
                if owner not in found and pattern.stands_in(text, words):
                    found.add(owner)
        return found


def _grow(tree: _Branch, word: str) -> None:
    for letter in word:
        tree = tree.branches.setdefault(letter, _Branch())
    tree.is_word = True


def _beginnings(tree: _Branch, so_far: str, words: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every word of the tree with the words that it begins with, itself included."""
    if tree.is_word:
        words = (*words, so_far)
        yield so_far, words
    for letter, branch in tree.branches.items():
        yield from _beginnings(branch, so_far + letter, words)


def _pattern(phrase: str, groups: Mapping[str, Sequence[str]]) -> _Pattern:
    pieces: list[Any] = _PIECES.split(phrase)
    needed = tuple(frozenset(each) for piece in pieces[::2] for each in _words_of(piece, groups))
    stretches = [_expression(pieces[0], groups)]
    for gap, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if gap == "*":
            stretches.append(_expression(piece, groups))
        else:
            stretches[-1] += _FEW_WORDS.format(words=gap[1:]) + _expression(piece, groups)
    return _Pattern(needed, tuple(stretches))


def _words_of(piece: str, groups: Mapping[str, Sequence[str]]) -> Iterator[Sequence[str]]:
    for place, text in enumerate(_GROUP.split(piece)):
        if place % 2:
            yield _group(text, groups)
        elif text.strip():
            yield [text.strip()]


def _expression(piece: str, groups: Mapping[str, Sequence[str]]) -> str:
    parts = _GROUP.split(piece)
    for place in range(1, len(parts), 2):
        parts[place] = _any_of(tuple(_group(parts[place], groups)))
    parts[::2] = [re.escape(part) for part in parts[::2]]
    return _WORD_BEGINS + "".join(parts)


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> str:
    tree = _Branch()
    for word in words:
        _grow(tree, word)
    return tree.expression()


def _group(name: str, groups: Mapping[str, Sequence[str]]) -> Sequence[str]:
    if name not in groups:
        raise ValueError(f"words.yaml: there is no group of words {{{name}}}.")
    return groups[name]

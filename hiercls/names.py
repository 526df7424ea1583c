"""What a legal name is, how any value is made one, and how a name is written in YAML so that it reads back the same.

Names are those of topics, inner nodes, levels, customers and classes. Knows nothing of how they hang together.
"""

from __future__ import annotations

import re
import unicodedata

REST = "rest"
"""The reserved name that stands for all topics no other class of a customer names."""

MAX_NAME_LENGTH = 300
"""The longest name, in characters."""

_FORBIDDEN_CATEGORIES = {"Cc": "a control character", "Cs": "half a surrogate pair", "Zl": "a line separator"}
_FORBIDDEN_CATEGORIES["Zp"] = "a paragraph separator"
_FORBIDDEN_FORMATS = frozenset("\u061c\u200b\u200e\u200f\u2060\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_PLAIN = re.compile(r"[A-Za-z_](?:[\w./+&()-]|[ ](?=[\w./+&()-]))*\Z")
_WORDS_READ_AS_VALUES = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


def composed(name: str) -> str:
    r"""A name in Unicode's composed form (NFC), in which all spellings that look alike to a reader are one.

    Some keyboards and file systems write an é as one character, others as e and an accent. Every name is composed where
    it enters: in taxonomies, in rows, and where it is asked for.

    Args:
        name: A name in any spelling.

    Returns:
        The one spelling.

    Example:
        >>> composed("Cafe\u0301") == composed("Caf\u00e9") == "Café"
        True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def name_fault(name: str) -> str | None:
    """What is wrong with a name.

    Args:
        name: The name of a node, level, customer or class.

    Returns:
        The fault in words; ``None`` for a legal name.

    Example:
        >>> name_fault("talk.politics.misc")
        >>> name_fault(" A")
        'the name begins or ends with a space'
    """
    if not name:
        return "the name is empty"
    if len(name) > MAX_NAME_LENGTH:
        return f"the name has {len(name)} characters, more than {MAX_NAME_LENGTH}"
    if name != name.strip():
        return "the name begins or ends with a space"
    return None if name.isascii() and name.isprintable() else _character_fault(name)


def view_name_fault(name: str) -> str | None:
    """What is wrong with the name of a level or customer.

    Args:
        name: The name of a level or customer.

    Returns:
        The fault in words; ``None`` for a legal name.

    Example:
        >>> view_name_fault("a:b")
        "the name of a level or customer holds no ':', since labels are written view:name"
    """
    if ":" in name:
        return "the name of a level or customer holds no ':', since labels are written view:name"
    return name_fault(name)


def cleaned(value: object) -> str:
    r"""A value of somebody's table as a legal name, with room for a word to be added.

    Args:
        value: Any value; ``None`` and not-a-number count as nothing.

    Returns:
        The name without what names may not hold; empty for nothing.

    Example:
        >>> cleaned(" News\n  Groups "), cleaned(None), cleaned(3)
        ('News Groups', '', '3')
    """
    if value is None or value != value:
        return ""
    characters = (" " if _character_fault(character) else character for character in composed(str(value)))
    return " ".join("".join(characters).split())[: MAX_NAME_LENGTH - 100].strip()


def quoted(text: str) -> str:
    r"""A text as a YAML scalar that every YAML reader takes for the same string.

    Args:
        text: Any text.

    Returns:
        The text itself where that is safe, else between double quotes.

    Example:
        >>> print(quoted("sci.med"), quoted("yes"), quoted("1e3"), quoted("a: b"))
        sci.med "yes" "1e3" "a: b"
    """
    if text.isascii() and _PLAIN.match(text) and (text.lower() not in _WORDS_READ_AS_VALUES or text in {"Y", "N"}):
        return text
    return f'"{"".join(_escaped(character) for character in text)}"'


def _character_fault(name: str) -> str | None:
    for character in name:
        fault = _FORBIDDEN_CATEGORIES.get(unicodedata.category(character))
        if character in _FORBIDDEN_FORMATS:
            fault = "an invisible character that hides or reverses text"
        if fault:
            return f"the name holds {fault} (U+{ord(character):04X})"
    return None


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""YAML as the platform reads it: plain data, by the C parser where it is built (ten times as fast)."""

from typing import Any

import yaml

_PLAIN: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _mapping(loader: Any, node: Any, deep: bool = False) -> Any:
    """A mapping as YAML has it: with every key once. The parser itself would silently keep the last of two."""
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(key.value)
    return _PLAIN.construct_mapping(loader, node, deep)


_LOADER: Any = type("_Loader", (_PLAIN,), {"construct_mapping": _mapping})


def read_yaml(text: str) -> Any:
    """The data in a YAML text.

    Raises:
        yaml.YAMLError: the text is not YAML, or a mapping names a key twice.
    """
    return yaml.load(text, Loader=_LOADER)

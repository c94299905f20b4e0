"""Attributes that any file can hold, netCDF too: numbers and text; names as words, structures as JSON."""

import json
from collections.abc import Mapping
from typing import Any

_WORDS = ("axes", "columns", "results")


def encoded(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as numbers and text; what is None is left out."""
    out = {}
    for key, value in attrs.items():
        if key in _WORDS:
            out[key] = " ".join(value)
        elif isinstance(value, Mapping):
            out[key] = json.dumps(value)
        elif value is not None:
            out[key] = value
    return out


def decoded(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `encoded` was given."""
    out = {}
    for key, value in attrs.items():
        if key in _WORDS:
            out[key] = value.split()
        else:
            out[key] = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    return out


def configuration_of(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that the attributes of a dataset hold."""
    found = attrs["configuration"]
    return dict(json.loads(found) if isinstance(found, str) else found)

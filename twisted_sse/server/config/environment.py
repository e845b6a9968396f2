"""
Reads options from the environment: ``TWISTED_SSE_MAX_TOPICS`` is ``--max-topics``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from twisted_sse.server.config.option import Given, InvalidConfiguration
from twisted_sse.server.config.options import OPTIONS

__all__ = ["CONFIG_VARIABLE", "read_environment"]

#: Names the configuration file.
CONFIG_VARIABLE = "TWISTED_SSE_CONFIG"

_PREFIX = "TWISTED_SSE_"

_OPTIONS = {option.variable: option for option in OPTIONS}

# Those of the program ``twisted-sse``, which may be set beside a hub.
_OTHERS = {CONFIG_VARIABLE, "TWISTED_SSE_TOKEN", "TWISTED_SSE_DEBUG"}

# Kubernetes sets these for every container, if a service is called twisted-sse:
# https://kubernetes.io/docs/concepts/containers/container-environment/.
_KUBERNETES = re.compile(r"TWISTED_SSE_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)\w*)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://")


def read_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    """
    Read the variables whose names begin with ``TWISTED_SSE_``.

    Several values of an option that may be repeated are separated by spaces.  An empty
    variable counts as not set, as in a container whose template has no value for it.

    Returns:
        What is given, by the names of the options.

    Raises:
        InvalidConfiguration: A variable names no option.
    """
    given = {}
    for name in sorted(environment):
        value = environment[name].strip()
        if not name.startswith(_PREFIX) or name in _OTHERS or not value or _is_foreign(name, value):
            continue
        option = _OPTIONS.get(name)
        if option is None:
            close = difflib.get_close_matches(name, _OPTIONS, 1)
            advice = f"did you mean {close[0]}?" if close else "`twistd sse --help` lists all"
            raise InvalidConfiguration(f"{name}: there is no such option: {advice}")
        texts = tuple(value.split()) if option.several else (value,)
        given[option.name] = Given(texts, f"environment, {name}", name)
    return given


def _is_foreign(name: str, value: str) -> bool:
    if name == "TWISTED_SSE_PORT" and _KUBERNETES_PORT.match(value):
        return True
    return _KUBERNETES.fullmatch(name) is not None

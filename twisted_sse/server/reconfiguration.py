"""
Uses a changed configuration without a restart: what a hub does at SIGHUP.

Law: all or nothing.  Every part of the hub checks the new configuration before any of
them uses it, and no open stream is ended for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, Protocol

from twisted.logger import Logger

from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import Given, InvalidConfiguration, Option, error_sentence
from twisted_sse.server.config.options import OPTIONS
from twisted_sse.server.config.show import show_value
from twisted_sse.server.config.sources import Sources

__all__ = ["Part", "Reconfiguration", "Use"]

#: Uses the configuration that was checked; it cannot fail.
Use = Callable[[], object]


class Part(Protocol):
    """
    A part of a running hub that can use another configuration.
    """

    def prepare(self, config: Config, changed: Set[str]) -> Use:
        """
        Check *config*, and change nothing yet.

        Args:
            changed: The attributes of *config* whose options have other values than
                before.  The files that options name are read again in any case.

        Raises:
            InvalidOption: It cannot be used.
        """


class Reconfiguration:
    """
    Reads the configuration again, and hands it to the parts of the hub.

    Args:
        config: The configuration in use.

        given: What it was made of, by the names of the options.

        sources: Where both are from.
    """

    _log = Logger()

    def __init__(self, config: Config, given: Mapping[str, Given], sources: Sources) -> None:
        self._config = config
        self._given = dict(given)
        self._sources = sources.absolute()
        self._parts: list[Part] = []

    def add(self, part: Part) -> None:
        """
        Let *part* have each new configuration.
        """
        self._parts.append(part)

    def reload(self) -> None:
        """
        See `twisted_sse.server.reload.Reloadable`.
        """
        given: Mapping[str, Given] = {}
        try:
            given = self._sources.read()
            changed = [one for one in OPTIONS if self._texts(one) != one.texts(given.get(one.name))]
            config = self._read(given, changed)
            fields = {one.field for one in changed if one.reloadable}
            uses = [part.prepare(config, fields) for part in self._parts]
        except InvalidConfiguration as error:
            reason = error_sentence(error, given)
            self._log.warn("The configuration in use stays, because {reason}", reason=reason)
            return
        self._tell(given, changed)
        for use in uses:
            use()
        self._config = config
        for one in changed:
            if one.reloadable:
                self._remember(one, given.get(one.name))

    def _texts(self, option: Option) -> tuple[str, ...]:
        return option.texts(self._given.get(option.name))

    def _read(self, given: Mapping[str, Given], changed: Sequence[Option]) -> Config:
        """
        Make the configuration in which everything is new that may be.
        """
        values: dict[str, Any] = {}
        for option in OPTIONS:
            if option.reloadable or option in changed:
                # What needs a restart is checked too, so that the restart will succeed.
                texts = option.texts(given.get(option.name))
                value = option.read(texts, self._sources.directory)
                if option.reloadable:
                    values[option.field] = value
        return replace(self._config, **values)

    def _tell(self, given: Mapping[str, Given], changed: Sequence[Option]) -> None:
        for one in changed:
            if one.reloadable:
                self._log.info(
                    "The configuration has changed: {option} is {now}, and was {before}",
                    option=one.name,
                    now=_shown(one, one.texts(given.get(one.name))),
                    before=_shown(one, self._texts(one)),
                )
        fixed = [one.name for one in changed if not one.reloadable]
        if fixed:
            self._log.warn(
                "The configuration has changed, but a restart of the hub is needed for {options}",
                options=", ".join(fixed),
            )
        if not changed:
            self._log.info("The configuration has not changed")

    def _remember(self, option: Option, given: Given | None) -> None:
        if given is None:
            self._given.pop(option.name, None)
        else:
            self._given[option.name] = given


def _shown(option: Option, texts: tuple[str, ...]) -> str:
    return show_value(option, texts) if texts else option.silent or "not set"

"""Template cache: templates by name, so that creating a task takes one round trip to the database."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from ..template import Template

FRESH_SECONDS = 1.0
"""How long the last version is taken for the last: that long after a new one, tasks of the old are made."""
_MOST = 1000

_Key = tuple[str, str, str | None]


class TemplateCache:
    """Templates that *fetch* finds, by name, namespace and version, kept.

    A version never changes. Which one is the last is asked again after `FRESH_SECONDS`, once for all who
    want to know then.
    """

    def __init__(
        self,
        fetch: Callable[[str, str, str | None], Awaitable[Template]],
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._fetch = fetch
        self._fresh_seconds = fresh_seconds
        self._found: dict[_Key, tuple[Template, float]] = {}
        self._fetching: dict[_Key, asyncio.Task[Template]] = {}

    async def get(self, namespace: str, name: str, version: str | None = None) -> Template:
        """Return a template; without *version*, the last one.

        Raises:
            UnknownTask: there is none.
        """
        key = (namespace, name, version)
        known = self._found.get(key)
        if known is not None and (version is not None or monotonic() - known[1] < self._fresh_seconds):
            return known[0]
        fetching = self._fetching.get(key)
        if fetching is None:
            fetching = self._fetching[key] = asyncio.create_task(self._refresh(key))
        return await asyncio.shield(fetching)  # others wait for it as well

    def forget(self, namespace: str, name: str) -> None:
        """Ask anew which version is the last."""
        self._found.pop((namespace, name, None), None)

    async def _refresh(self, key: _Key) -> Template:
        namespace, name, version = key
        began = monotonic()
        try:
            template = await self._fetch(name, namespace, version)
        finally:
            del self._fetching[key]
        self._found.pop(key, None)
        self._found[key] = template, began
        if len(self._found) > _MOST:
            del self._found[next(iter(self._found))]
        return template

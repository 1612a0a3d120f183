"""What nodes do that no node may do, whatever the workload."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_VIOLATIONS_MAX = 10


class Violations:
    """The first few, in words; the first of all ends the test."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._any = asyncio.Event()

    def add(self, text: str) -> None:
        """Note one, in words for people."""
        # A node that writes garbage writes a lot of it.
        if len(self.texts) < _VIOLATIONS_MAX:
            self.texts.append(text)
        self._any.set()

    async def none_during(self, coroutine: Coroutine[Any, Any, None]) -> bool:
        """Await *coroutine*, but no longer than until the first violation; tell whether there is none."""
        task = asyncio.create_task(coroutine)
        alarm = asyncio.create_task(self._any.wait())
        try:
            await asyncio.wait([task, alarm], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for one in (task, alarm):
                one.cancel()
            await asyncio.gather(task, alarm, return_exceptions=True)
        return not self.texts

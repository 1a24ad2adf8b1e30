"""A consumer that takes messages, acknowledges none, says so, and waits for its end; a program of its own."""

import asyncio
import importlib
import json
import sys

from arnia.chassis.brokers.broker import Subscription
from arnia.chassis.brokers.opening import open_broker


async def hold() -> None:
    """Do what standard input says."""
    told = json.loads(sys.stdin.readline())
    adapter = importlib.import_module(told["module"])
    for name, seconds in told["haste"].items():
        setattr(adapter, name, seconds)
    broker = await open_broker(told["url"], told["user"], ())
    async with broker.subscribe(Subscription(consumer=told["user"], channels=(told["channel"],))) as intake:
        held = 0
        while held < told["count"]:
            held += len(await intake.fetch(told["count"], 1.0))
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(hold())

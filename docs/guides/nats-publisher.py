"""Sends traces over NATS and learns what became of them. pip install nats-py"""

import asyncio, os, sys

import nats
from nats.js.errors import APIError


async def main(organization: str, trace: str) -> None:
    client = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    js = client.jetstream()
    try:
        ack = await js.publish(f"writ.in.trace.{organization}", trace.encode())
        print(f"stored in {ack.stream} at {ack.seq}, seen before: {ack.duplicate}")
    except APIError as refused:
        print(f"refused: {refused.description}")
    await client.close()


asyncio.run(main(sys.argv[1], sys.argv[2]))

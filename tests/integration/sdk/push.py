"""The SDK's control channel: pauses that are pushed, long before the status poll asks for them.

Reads dev.env from the environment. Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import time
import urllib.request

import socketio
from execlave import AgentPausedError, Execlave

URL = os.environ["WRIT_URL"]


def call(method, path, body=None, key="WRIT_ADMIN_KEY"):
    request = urllib.request.Request(
        URL + "/api/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": os.environ[key], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def client(key):
    exe = Execlave(api_key=os.environ[key], base_url=URL, environment="production", policy_cache_ttl_seconds=0)
    deadline = time.monotonic() + 5
    while not exe._sio.namespaces:
        assert time.monotonic() < deadline, "the SDK's socket did not connect"
        time.sleep(0.01)
    return exe


def is_paused(exe, agent):
    try:
        exe.start_trace(agent_id=agent).finish()
    except AgentPausedError:
        return True
    return False


def seconds_until(exe, agent, paused):
    started = time.monotonic()
    # Shorter than the first status poll, 15 s after the client was made.
    while is_paused(exe, agent) != paused:
        assert time.monotonic() - started < 5, f"the socket did not tell that paused is {paused}"
        time.sleep(0.005)
    return round(time.monotonic() - started, 3)


def refused(key):
    """A key that does not hold is refused at once, in words."""
    sio = socketio.Client(reconnection=False)
    said = []
    sio.on("connect_error", said.append, namespace="/sdk")
    started = time.monotonic()
    try:
        sio.connect(URL, namespaces=["/sdk"], auth={"apiKey": key}, transports=["websocket"])
        raise AssertionError("a wrong key joined")
    except socketio.exceptions.ConnectionError:
        assert time.monotonic() - started < 1, "the answer took longer than the SDK waits"
    return said


def main():
    ours, theirs = client("WRIT_API_KEY"), client("WRIT_OTHER_ORG_KEY")
    # One external id in two organisations: events must not cross.
    agent = ours.register_agent(agent_id="push-bot", name="Push bot")
    theirs.register_agent(agent_id="push-bot", name="Push bot")
    seen = {"wrong": refused("exe_prod_" + "0" * 40)}

    call("PATCH", f"/agents/{agent.id}/pause", {"reason": "incident 12"})
    seen["paused"] = seconds_until(ours, "push-bot", True)
    assert not is_paused(theirs, "push-bot"), "an event crossed organisations"
    call("PATCH", f"/agents/{agent.id}/resume")
    seen["resumed"] = seconds_until(ours, "push-bot", False)
    print(json.dumps(seen), flush=True)
    # The SDK's threads would wait for their next tick.
    os._exit(0)


main()

"""One act that should not run, tried through each framework adapter of the unmodified SDK.

`matrix.py SCENARIO`; reads dev.env from the environment. Every client is set to fail closed. Prints one
JSON object: adapter -> "ran", or the name of the exception that stopped it. CrewAI wants other versions of
mcp and openai, so it has an environment of its own: `matrix.py SCENARIO crewai` there.

An adapter stops its framework only for the SDK's halting exceptions; whatever else our answer makes the
SDK raise is logged and the tool runs.
"""
import asyncio
import json
import logging
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from execlave import Execlave

SCENARIO = sys.argv[1]
URL = os.environ["WRIT_URL"]
AGENT = "matrix-bot"
TOOL = "transfer_money"
# One byte more than the service takes, in one argument.
OVERSIZE = "x" * (11 * 1024 * 1024)
ARGUMENTS = {
    "oversize": {"note": OVERSIZE},
    "nul": {"note": "a\x00b"},
    "lone_surrogate": {"note": "a\ud800b"},
    "unknown_field": {"note": "x", "nobody": {"knows": [None, {"this": 1}]}},
}.get(SCENARIO, {"note": "x"})


class Meddling(requests.adapters.HTTPAdapter):
    """A network between the SDK and the server that does to signatures what `how` says."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def send(self, request, **kwargs):
        if self.how == "bad_signature":
            request.headers["X-Execlave-Signature"] = "sha256=" + "0" * 64
        if self.how == "stale_signature":
            request.headers["X-Execlave-Timestamp"] = "1700000000"
        if self.how == "half_signature":
            del request.headers["X-Execlave-Timestamp"]
        return super().send(request, **kwargs)


def client():
    key = os.environ.get("MATRIX_KEY") or os.environ["WRIT_API_KEY"]
    exe = Execlave(api_key=key, base_url=URL, environment="production", enforcement_on_outage="fail_closed",
                   policy_cache_ttl_seconds=0, sign_requests=SCENARIO.endswith("_signature"),
                   enable_control_channel=False)
    if SCENARIO.endswith("_signature"):
        for scheme in ("http://", "https://"):
            exe._session.mount(scheme, Meddling(SCENARIO))
    return exe


def langchain(ran):
    from execlave.integrations.langchain import ExeclaveCallbackHandler
    from langchain_core.tools import StructuredTool

    def transfer_money(**arguments):
        ran.append(arguments)
        return "done"

    tool = StructuredTool.from_function(transfer_money, name=TOOL, description="Transfers money.", args_schema={
        "type": "object", "properties": {"note": {"type": "string"}, "nobody": {"type": "object"}}})
    handler = ExeclaveCallbackHandler(client(), agent_id=AGENT)
    tool.invoke(ARGUMENTS, config={"callbacks": [handler]})


def mcp(ran):
    from execlave.integrations.mcp import instrument_mcp_session
    from mcp import Client
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("bank")

    @server.tool(name=TOOL)
    def transfer_money(note: str, nobody: dict | None = None) -> str:
        ran.append(note)
        return "done"

    async def call():
        async with Client(server) as session:
            instrument_mcp_session(session, client(), agent_id=AGENT)
            await session.call_tool(TOOL, ARGUMENTS)

    asyncio.run(call())


class Model(BaseHTTPRequestHandler):
    """Answers chat completions; being asked is the act."""

    def do_POST(self):
        self.server.ran.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def openai(ran):
    from execlave.integrations.openai_chat import instrument_openai
    from openai import OpenAI

    model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    model.ran = ran
    threading.Thread(target=model.serve_forever, daemon=True).start()
    try:
        chat = OpenAI(api_key="none", base_url=f"http://127.0.0.1:{model.server_port}/v1", max_retries=0)
        instrument_openai(chat, client(), agent_id=AGENT)
        # No client can send a lone surrogate as the text that is judged.
        text = f"{TOOL} {ARGUMENTS['note']}".encode(errors="replace").decode()
        chat.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    finally:
        model.shutdown()


def openai_agents(ran):
    """The framework swallows what its trace processors raise, so the processor itself is asked."""
    from agents.tracing import function_span, trace
    from execlave.integrations.openai_agents import ExeclaveTracingProcessor

    processor = ExeclaveTracingProcessor(client(), agent_id=AGENT)
    with trace("matrix"):
        span = function_span(TOOL, input=json.dumps(ARGUMENTS))
        processor.on_span_start(span)
    ran.append("started")


def crewai(ran):
    """The framework swallows what its step callbacks raise, so the callback itself is asked."""
    os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"}
    from crewai import Agent, BaseLLM, Crew, Task
    from crewai.agents.parser import AgentAction
    from execlave.integrations.crewai import instrument_crew

    class Model(BaseLLM):
        def call(self, *_, **__):
            return "Final Answer: done"

    teller = Agent(role="teller", goal="transfer", backstory="none", llm=Model(model="m"))
    task = Task(description="transfer", expected_output="done", agent=teller)
    crew = instrument_crew(Crew(agents=[teller], tasks=[task]), client(), agent_id=AGENT)
    step = AgentAction(thought="", tool=TOOL, tool_input=json.dumps(ARGUMENTS), text="")
    crew.step_callback(step)
    ran.append("went on")


def crewai_apart():
    """What `crewai` came to, in its environment beside this one."""
    python = pathlib.Path(sys.prefix).with_name("venv-crewai") / "bin/python"
    done = subprocess.run([python, __file__, SCENARIO, "crewai"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])["crewai"]


def attempt(adapter):
    ran = []
    try:
        adapter(ran)
    except BaseException as error:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return "ran" if ran else type(error).__name__
    return "ran" if ran else "returned without running"


def main():
    logging.disable(logging.CRITICAL)
    seen = {}

    def run(adapter):
        seen[adapter.__name__] = attempt(adapter)

    if sys.argv[2:] == ["crewai"]:
        run(crewai)
    else:
        threads = [threading.Thread(target=run, args=(adapter,)) for adapter in (langchain, mcp, openai, openai_agents)]
        for thread in threads:
            thread.start()
        seen["crewai"] = crewai_apart()
        for thread in threads:
            thread.join()
    print(json.dumps(seen, sort_keys=True))
    sys.stdout.flush()
    # Background threads of the clients would hold the process.
    os._exit(0)


main()

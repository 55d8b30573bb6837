"""The validator of the guide, asked through a running Writ; the SDK is unmodified.

Reads dev.env from the environment. Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import sys
import threading
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs/guides"))
import validator  # noqa: E402
from execlave import Execlave, ValidatorDeniedError  # noqa: E402

URL = os.environ["WRIT_URL"]
ADMIN = os.environ["WRIT_ADMIN_KEY"]
AGENT = "refund-bot"


def admin(method, path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": ADMIN, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def denied(exe, **act):
    try:
        exe.enforce_policy(agent_id=AGENT, tools=["refund"], **act)
    except ValidatorDeniedError as error:
        return error.validator_violations[0]
    raise AssertionError(f"not denied: {act}")


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), validator.Validator)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = admin("POST", "/validators", {"name": "refund rules", "url": f"http://127.0.0.1:{server.server_port}/"})
    validator.SECRET = made["secret"].encode()
    admin("POST", "/policies", {
        "name": "Refund rules", "policyType": "custom_validator", "enforcementMode": "block",
        "ruleDefinition": {"validator_id": made["id"], "only_tools": ["refund"]},
    })

    exe = Execlave(api_key=os.environ["WRIT_API_KEY"], base_url=URL, environment="production",
                   enforcement_on_outage="fail_closed", policy_cache_ttl_seconds=0)
    exe.register_agent(agent_id=AGENT, name="Refund bot")
    allowed = exe.enforce_policy(agent_id=AGENT, input="refund", tools=["refund"], metadata={"order": 7})
    assert allowed["allowed"] is True, allowed
    seen = {"denied": denied(exe, input="refund", metadata={})["message"]}
    server.shutdown()
    server.server_close()
    seen["away"] = denied(exe, input="refund", metadata={"order": 8})["message"]
    exe.shutdown()
    print(json.dumps(seen))


main()

"""Credentials, stamped traces and calls between agents with the unmodified SDK, against a running Writ.

Reads dev.env from the environment. Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import time
import urllib.error
import urllib.request

from execlave import Execlave, ExeclaveError

URL = os.environ["WRIT_URL"]
PLANNER, BILLING = "planner", "billing-bot"


def admin(method, path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": os.environ["WRIT_ADMIN_KEY"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def until(what, look):
    for _ in range(300):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def identity_of(trace):
    def look():
        try:
            return admin("GET", f"/traces/{trace}")
        except urllib.error.HTTPError:
            return None

    return until(f"the trace {trace} is a row", look)["spans"][0].get("identity") or None


def client(**settings):
    return Execlave(api_key=os.environ["WRIT_API_KEY"], base_url=URL, environment="production", **settings)


def traced(exe, agent):
    trace = exe.start_trace(agent_id=agent)
    trace.set_input("hello").finish()
    flushed = exe.flush()
    assert flushed["sent"] == 1 and not flushed["rejected"], flushed
    return trace.trace_id


def may_call(exe, action):
    try:
        return exe.authorize_agent_call(PLANNER, BILLING, action)
    except ExeclaveError as error:
        return error.status_code


def main():
    seen = {}
    stamping, plain = client(stamp_identity=True), client()
    for exe in (stamping, plain):
        exe.register_agent(agent_id=PLANNER, name="Planner")
        exe.register_agent(agent_id=BILLING, name="Billing bot")

    credential = stamping.get_agent_credential(PLANNER)
    assert credential["credential"].startswith("exe_agt_"), credential
    assert stamping.get_agent_credential(PLANNER) is credential, "cached until a minute before its end"
    seen["stamped"] = identity_of(traced(stamping, PLANNER))
    seen["plain"] = identity_of(traced(plain, PLANNER))
    # As if the credential of another agent, or none of ours, had got into the process.
    for what, stolen in [("anothers", credential["credential"]), ("made_up", "exe_agt_made.up.token")]:
        stamping._agent_credential_cache[BILLING] = {**credential, "credential": stolen}
        seen[what] = identity_of(traced(stamping, BILLING))
    incident = until("forgeries are an incident", lambda: admin("GET", "/incidents?kind=forgery"))[0]
    seen["incident"] = incident["agentId"]

    seen["refused"] = may_call(plain, "invoke")
    grant = admin("POST", f"/agents/{PLANNER}/grants", {"targetAgentId": BILLING, "allowedActions": ["invoke"]})
    allowed = until("the grant is known", lambda: (answer := may_call(plain, "invoke")) != 403 and answer)
    assert allowed["allowed"] is True and allowed["grantId"] == grant["id"], allowed
    seen["another_action"] = may_call(plain, "delete")
    admin("DELETE", f"/agents/{PLANNER}/grants/{grant['id']}")
    until("the grant is gone", lambda: may_call(plain, "invoke") == 403)
    for exe in (stamping, plain):
        exe.shutdown()
    print(json.dumps(seen))


main()

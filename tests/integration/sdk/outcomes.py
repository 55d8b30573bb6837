"""Outcomes of acts, with the unmodified SDK: evidence that a strict agent owes, and what is learnt later.

Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import urllib.request

from execlave import Execlave

URL = os.environ["WRIT_URL"]


def admin(method, path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": os.environ["WRIT_ADMIN_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def finished(exe, flush=True, **how):
    trace = exe.start_trace(agent_id="payer")
    trace.set_input("pay 7")
    trace.finish(**how)
    return trace.trace_id, exe.flush()


def main():
    refused = []
    exe = Execlave(api_key=os.environ["WRIT_API_KEY"], base_url=URL, environment="production",
                   enable_control_channel=False, on_trace_rejected=refused.extend)
    agent = exe.register_agent(agent_id="payer", name="Payer")
    _, before = finished(exe)
    assert before["sent"] == 1 and not before["rejected"], before
    admin("PATCH", f"/agents/{agent.id}", {"outcomeStrictness": "strict"})

    # The setting is a fact that ingest reads; the first traces after it may be taken still.
    for _ in range(100):
        bare, flushed = finished(exe)
        if flushed["rejected"]:
            break
    assert flushed["rejected"][0]["code"] == "OUTCOME_EVIDENCE_REQUIRED", flushed
    assert flushed["rejected"][0]["traceId"] == bare and refused, refused
    proven, flushed = finished(exe, effect_evidence={"basis": "read_back", "effect_ref": "payment-7"})
    assert flushed["sent"] == 1, flushed
    unsure, flushed = finished(exe, status="effect_unconfirmed")
    assert flushed["sent"] == 1, flushed
    exe.resolve_trace(unsure, "success", "reconciliation", effect_ref="payment-8", detail="found in the bank's file")
    exe.resolve_trace(unsure, "error", "manual")
    exe.shutdown()
    print(json.dumps({"proven": proven, "unsure": unsure}))


main()

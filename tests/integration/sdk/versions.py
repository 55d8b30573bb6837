"""Prompts, agent versions and usage with the unmodified SDK, against a running Writ.

Reads dev.env from the environment. Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import time
import urllib.request

from execlave import Execlave, ExeclaveError

URL = os.environ["WRIT_URL"]
AGENT = "prompt-bot"


def admin(method, path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": os.environ["WRIT_ADMIN_KEY"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def until(what, look):
    for _ in range(200):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def main():
    exe = Execlave(api_key=os.environ["WRIT_API_KEY"], base_url=URL, environment="production")
    agent = exe.register_agent(agent_id=AGENT, name="Prompt bot")
    assert agent.get_current_prompt() is None
    first = agent.deploy_prompt("Answer {question}", system_message="Be kind.", model_name="gpt-4o",
                                model_parameters={"temperature": 0.2, "max_tokens": 100, "top_p": 1}, version_tag="v1")
    second = agent.deploy_prompt("Answer {question} briefly", change_type="patch")
    assert (first.version_number, second.version_number) == (1, 2), (first.version_number, second.version_number)
    assert agent.promote_to_production(first.id).is_active
    assert agent.get_current_prompt().version_number == 1
    second.promote_to_production()
    assert second.is_active and agent.get_current_prompt().version_number == 2
    assert agent.rollback_to_version(1, reason="worse answers").version_number == 1
    assert agent.get_current_prompt().version_number == 1
    assert [v.version_number for v in agent.list_prompt_versions()] == [2, 1]

    third = agent.deploy_prompt("Answer {question} at length")
    waits = agent.promote_to_production(third.id, require_approval=True, deployment_notes="for the fair")
    assert waits.approval_status == "pending" and not waits.is_active, vars(waits)
    request = until("the request is in the queue", lambda: admin("GET", "/approvals?status=pending"))[0]
    assert request["actionContext"]["promptVersionId"] == third.id, request
    admin("POST", f"/approvals/{request['id']}/approve", {"reason": "read it"})
    until("the grant deploys it", lambda: agent.get_current_prompt().version_number == 3)

    made = exe.report_agent_metadata(AGENT, git_commit="abc123", version_label="2026.11", activate=True)["data"]
    assert made["isActive"] and made["metadata"]["gitCommit"] == "abc123", made
    usage = exe.check_usage()
    admin("PATCH", "/organization/settings", {"versionRegistry": False})
    try:
        exe.report_agent_metadata(AGENT, git_commit="abc124")
        raise AssertionError("reported though it is off")
    except ExeclaveError as error:
        refused = str(error)
    exe.shutdown()
    print(json.dumps({"refused": refused, "usage": str(usage)}))


main()

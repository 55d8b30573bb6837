"""What the unmodified SDK makes of a spent plan, under both of its settings.

Reads dev.env from the environment. Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os

from execlave import Execlave, PlanLimitExceededError


def client(behavior):
    return Execlave(api_key=os.environ["WRIT_QUOTA_KEY"], base_url=os.environ["WRIT_URL"], environment="production",
                    plan_limit_behavior=behavior, policy_cache_ttl_seconds=0)


def main():
    went_on = client("fail_open").enforce_policy(agent_id="bot", input="hello")
    try:
        client("fail_closed").enforce_policy(agent_id="bot", input="hello")
        raise AssertionError("the SDK was to raise")
    except PlanLimitExceededError as error:
        limit = {"resource": error.resource, "current": error.current, "max": error.max, "message": str(error)}
    print(json.dumps({"source": went_on["source"], "limit": limit}))


main()

"""An agent governed over gRPC, from the protos alone.

    pip install grpcio grpcio-tools
    python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/writ/v1/*.proto
    WRIT_GRPC=127.0.0.1:8420 WRIT_API_KEY=... python docs/guides/grpc-client.py
"""
import os
import sys

import grpc
from google.protobuf import struct_pb2

sys.path.insert(0, os.getcwd())
from writ.v1 import approval_pb2, approval_pb2_grpc, enforcement_pb2, enforcement_pb2_grpc  # noqa: E402

AGENT = os.environ.get("WRIT_AGENT", "grpc-bot")
KEY = (("x-api-key", os.environ["WRIT_API_KEY"]),)
channel = grpc.insecure_channel(os.environ["WRIT_GRPC"])
enforcement = enforcement_pb2_grpc.EnforcementServiceStub(channel)
approvals = approval_pb2_grpc.ApprovalServiceStub(channel)


def governed(tool, arguments, act):
    """Runs `act` if Writ allows it, once a human has approved it where one must."""
    metadata = struct_pb2.Struct()
    metadata.update({"toolArguments": arguments})
    request = enforcement_pb2.EnforceRequest(
        agent_id=AGENT, input=f"tool:{tool}", environment="production", tools=[tool], metadata=metadata)
    try:
        answer = enforcement.Enforce(request, metadata=KEY, timeout=5)
    except grpc.RpcError as error:
        # There is no decision: what this agent may not do unasked, it does not do.
        raise SystemExit(f"not run, no decision: {error.code().name}: {error.details()}")
    if answer.outcome == enforcement_pb2.OUTCOME_DENIED:
        return "not run: " + "; ".join(hit.message for hit in answer.violations)
    if answer.outcome == enforcement_pb2.OUTCOME_APPROVAL_REQUIRED and not approved(answer.approval_request_id):
        return "not run: nobody approved it"
    return act(**arguments)


def approved(request_id):
    watch = approval_pb2.WatchApprovalRequest(id=request_id)
    last = None
    for change in approvals.WatchApproval(watch, metadata=KEY, timeout=25 * 60):
        last = change.approval.status
        print("waiting for a human:", approval_pb2.ApprovalStatus.Name(last), flush=True)
    return last == approval_pb2.APPROVAL_STATUS_APPROVED


def many(texts):
    """Many acts over one connection; answers come as they are made."""
    acts = (enforcement_pb2.EnforceStreamRequest(
        correlation_id=str(number),
        request=enforcement_pb2.EnforceRequest(agent_id=AGENT, input=text, environment="production"))
        for number, text in enumerate(texts))
    answers = enforcement.EnforceStream(acts, metadata=KEY)
    return {answer.correlation_id: answer for answer in answers}


if __name__ == "__main__":
    print(governed("mail.send", {"to": "ana@example.com"}, lambda to: f"sent to {to}"))
    seen = many(f"act {number}" for number in range(100))
    print(len(seen), "acts,", sum(answer.HasField("response") for answer in seen.values()), "decisions")

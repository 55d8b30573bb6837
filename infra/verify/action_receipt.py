"""An Action Receipt (agentboundary/v0.1): portable, hashed and not signed, so who made it is not shown.

A receipt of the ledger shows what of it was recorded: which decision, whose, and how it ended.
"""

import re

from findings import BAD, Findings, Wrong
from tlog import canonical, has, read_json, sha256

VERSION = "agentboundary/v0.1"
ID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
HASH = r"[0-9a-f]{64}"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
TEXT, NOTE = "(?s:.+)", "(?s:.*)"  # a note may be left out
APPROVAL = "require-approval"
PARTS = {"actor": {"type": "human|system|agent", "id": TEXT, "display_name": NOTE},
         "agent": {"framework": TEXT, "framework_version": TEXT, "model": TEXT, "model_version": NOTE},
         "tool": {"name": TEXT, "version": NOTE, "capability": TEXT},
         "target": {"system": TEXT, "environment": "prod|staging|dev", "resource_id": NOTE},
         "policy": {"name": TEXT, "version": TEXT, "decision": f"allow|deny|escalate|{APPROVAL}"},
         "execution": {"status": "success|failure|blocked", "completed_at": TIME, "error_code": NOTE,
                       "result_ref": NOTE}}
APPROVER = {"id": TEXT, "display_name": NOTE, "role": NOTE}
WHOLE = {"version": str, "receipt_id": str, "issued_at": str, "arguments_hash": str, "receipt_hash": str,
         "approval": dict} | dict.fromkeys(PARTS, dict)
DECIDED = {"allowed": ["allow"], "held": ["escalate", APPROVAL]}  # any other outcome: deny


class ActionReceipt(Findings):
    clean = "consistent"

    def __init__(self, text):
        super().__init__()
        self.content, self.recorded = {}, None
        self.attempt("the action receipt", self.check, text)

    def check(self, text):
        it = read_json(text)[0]
        if sha256(canonical({name: it[name] for name in it if name != "receipt_hash"})).hex() != it["receipt_hash"]:
            raise Wrong("its hash is not that of its content")
        has(it, WHOLE, ["approval"])
        reads(it, {"receipt_id": ID, "issued_at": TIME, "arguments_hash": HASH})
        for name, fields in PARTS.items():
            part(it[name], fields)
        if "approval" in it:
            part(it["approval"]["approver"], APPROVER)
            part(it["approval"] | {"approver": ""}, {"approver": NOTE, "approved_at": TIME, "context": NOTE})
        elif it["policy"]["decision"] == APPROVAL:
            raise Wrong("no approval")
        self.content = it

    def compare(self, receipt):
        """What the ledger's receipt, which was verified, says of the same act."""
        entry, said = receipt["entry"], self.content
        decision = [f"writ:{receipt['decisionId']}"] if "decisionId" in receipt else []
        for what, given, recorded in [
                ("execution.result_ref", said["execution"].get("result_ref", "").split("?")[0], decision),
                ("actor.id", said["actor"]["id"], [entry.get("actor", "unknown")]),
                ("policy.decision", said["policy"]["decision"], DECIDED.get(entry.get("outcome"), ["deny"]))]:
            if given not in recorded:
                self.wrong(BAD, f"{what} is not what the ledger recorded")
        self.recorded = receipt.get("decisionId")


def part(value, fields):
    has(value, dict.fromkeys(fields, str), [name for name in fields if fields[name] == NOTE])
    reads(value, fields)


def reads(value, fields):
    for name, form in fields.items():
        if name in value and not re.fullmatch(form, value[name]):
            raise Wrong(f"field {name}")

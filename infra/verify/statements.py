"""Signed statements: the receipt of an entry, the coverage of an agent, a compliance report."""

import json, uuid

from findings import Findings, Unknown, Wrong
from signatures import ed25519_holds
from tlog import (I64, U64, canonical, global_root, has, hashes, leaf_hash, open_note, read_head, read_json,
                  read_leaf, root_by_path, sha256, unbase64)

RECEIPT = {"format": str, "org": str, "decisionId": str, "eventId": str, "entry": dict, "leaf": str,
           "inclusion": dict, "interval": dict, "global": dict, "witnessed": bool, "issuedAt": I64}
INCLUSION = {"index": U64, "path": list, "checkpoint": str}
COVERAGE = {"format": str, "org": str, "agent": str, "from": I64, "to": I64, "decisions": U64,
            "outcomes": dict, "ungovernedSeconds": U64, "ungovernedActs": U64, "lostReports": U64,
            "missing": U64, "emitters": list, "silentEmitters": U64, "excludes": list,
            "checkpoint": str, "issuedAt": I64}
HEARD = {"names": list, "unnamed": U64, "heardSeconds": U64, "silentSeconds": U64}  # since format 2
EMITTER = {"emitter": str, "after": U64, "last": U64, "present": U64, "tail": str}


def is_one(text):
    """Whether a text is a signed statement of a kind that is known, sound or not."""
    try:
        value = json.loads(text)
        return value.get("data", value)["statement"]["format"].split("/")[0] in READERS
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def is_action_receipt(text):
    try:
        return json.loads(text)["version"] == "agentboundary/v0.1"
    except (ValueError, LookupError, TypeError):
        return False


class ActionReceipt(Findings):
    """A portable receipt (agentboundary/v0.1): hashed and not signed, so who made it is not shown."""

    def __init__(self, text):
        super().__init__()
        self.signers, self.witnesses = [], {}
        self.attempt("the action receipt", self.check, text)

    def check(self, text):
        content = read_json(text)
        if content.pop("receipt_hash") != sha256(canonical(content)).hex():
            raise Wrong("its hash is not that of its content")


class Checked(Findings):
    """A statement that was checked, as the API answers it or as it was written out."""

    def __init__(self, text, keys):
        super().__init__()
        self.keys, self.statement, self.signers, self.witnesses = keys, None, [], {}
        self.attempt("the statement", self.check, text)

    def check(self, text):
        value = read_json(text)
        signed = value.get("data", value)
        has(signed, {"statement": dict, "keyName": str, "keyId": str, "signature": str})
        format_ = signed["statement"]["format"]
        formats, read = READERS[format_.split("/")[0]]
        if format_ not in formats:
            raise Wrong("not of a known format")
        named = [key for kind, *name, key in self.keys
                 if kind == "export" and name == [signed["keyName"], signed["keyId"]]]
        if not named:
            raise Unknown(f"no trusted key is {signed['keyName']}+{signed['keyId']}")
        message = format_.encode() + b"\n" + canonical(signed["statement"])
        signature = unbase64(signed["signature"])
        if not any(ed25519_holds(key, message, signature) for key in named):
            raise Wrong(f"the signature by {signed['keyName']} is wrong")
        self.statement, self.signers = signed["statement"], [signed["keyName"]]
        read(self, self.statement)

    def head(self, note, log):
        _, size, root, signers = read_head(note, log, self.keys)
        self.signers += signers
        return size, root


def same(given, expected, field):
    if given != expected:
        raise Wrong(f"{field} is not what the leaf says")


def receipt(run, it):
    """The leaf is the entry, the entry is in the tree, and the tree's head is in the global log."""
    has(it, RECEIPT, ["decisionId"])
    has(it["inclusion"], INCLUSION)
    has(it["interval"], {"index": U64, "size": U64, "path": list})
    has(it["global"], INCLUSION)
    data, place, interval, above = unbase64(it["leaf"]), it["inclusion"], it["interval"], it["global"]
    org, seq, event, _, body = read_leaf(data)
    same(it["org"], str(uuid.UUID(bytes=org)), "org")
    same(place["index"], seq, "inclusion.index")
    same(it["eventId"], str(uuid.UUID(bytes=event)), "eventId")
    decision = body.get("aggregate_id") if body["type"].startswith("decision.") else None
    same(it.get("decisionId"), decision, "decisionId")
    same(canonical(it["entry"]), canonical(body), "entry")
    size, root = run.head(place["checkpoint"], it["org"])
    if root_by_path(leaf_hash(data), seq, size, path(place)) != root:
        raise Wrong("the entry is not in the signed tree")
    global_size, global_head = run.head(above["checkpoint"], "global")
    up = interval["index"], interval["size"], path(interval)
    if global_root(org, size, root, up, (above["index"], global_size, path(above))) != global_head:
        raise Wrong("the tree's head is not in the signed global log")
    run.witnesses = open_note(above["checkpoint"], run.keys, ["witness"])[1]


def path(given):
    if len(given["path"]) > 64:
        raise Wrong("the path is too long")
    return hashes(given["path"])


def coverage(run, it):
    """Who states it and over which signed head, and that it does not contradict itself."""
    since = HEARD if it["format"] == "writ-coverage/2" else {}
    has(it, COVERAGE | since, ["missing"])
    has(it["outcomes"], {"allowed": U64, "held": U64, "denied": U64})
    for one in it["emitters"]:
        has(one, EMITTER)
        if one["tail"] not in ("closed", "continued", "unknown"):
            raise Wrong("field tail")
    words = it["excludes"] + it.get("names", [])
    if str(uuid.UUID(it["org"])) != it["org"] or not all(type(word) is str for word in words):
        raise Wrong("field org, excludes or names")
    run.head(it["checkpoint"], it["org"])
    known = all(one["tail"] != "unknown" for one in it["emitters"])
    holes = sum(max(0, one["last"] - one["after"] - one["present"]) for one in it["emitters"])
    if it.get("missing") != (holes if known else None):
        raise Wrong("what it says is missing is not what its emitters show")
    seconds = -(min(it["from"] - it["to"], 0) // 1_000_000)
    if (it["decisions"] != sum(it["outcomes"].values())
            or len({one["emitter"] for one in it["emitters"]}) < len(it["emitters"])
            or since and (it["heardSeconds"] + it["silentSeconds"] != seconds
                          or not it["names"] or it["unnamed"] > it["decisions"])):
        raise Wrong("its numbers do not add up")


def report(run, it):
    """Who states it and over which signed head; what it says is for a reader to judge."""
    run.head(it["ledger"]["checkpoint"], str(uuid.UUID(it["org"])))


READERS = {"writ-receipt": (["writ-receipt/1"], receipt),
           "writ-coverage": (["writ-coverage/1", "writ-coverage/2"], coverage),
           "writ-compliance-report": (["writ-compliance-report/1"], report)}

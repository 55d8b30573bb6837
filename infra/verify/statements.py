"""Signed statements: the receipt of an entry, the coverage of an agent, a compliance report."""

import base64, json, uuid

import action_receipt
from findings import BAD, CLEAN, INCOMPLETE, QUORUM, Findings, Misuse, Unknown, Wrong
from signatures import ed25519_holds
from tlog import (I64, U64, canonical, global_root, has, hashes, leaf_hash, read_head, read_json, read_leaf,
                  read_witnesses, root_by_path, texts, unbase64)

RECEIPT = {"format": str, "org": str, "decisionId": str, "eventId": str, "entry": dict, "leaf": str,
           "inclusion": dict, "interval": dict, "global": dict, "witnessed": bool, "issuedAt": I64}
INCLUSION = {"index": U64, "path": list, "checkpoint": str}
COVERAGE = {"format": str, "org": str, "agent": str, "from": I64, "to": I64, "decisions": U64,
            "outcomes": dict, "ungovernedSeconds": U64, "ungovernedActs": U64, "lostReports": U64,
            "missing": U64, "emitters": list, "silentEmitters": U64, "excludes": list,
            "checkpoint": str, "issuedAt": I64}
HEARD = {"names": list, "unnamed": U64, "heardSeconds": U64, "silentSeconds": U64}  # since format 2
EMITTER = {"emitter": str, "after": U64, "last": U64, "present": U64, "tail": str}


def kind_of(text):
    """What a text says it is: the first word of a statement's format, "action-receipt", or None."""
    try:
        value = json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
    if type(value) is not dict:
        return None
    within = value.get("data", value)
    if "statement" in value or type(within) is dict and "statement" in within:
        try:  # a statement, and never anything less, whatever else it says of itself
            return within["statement"]["format"].split("/")[0]
        except (LookupError, TypeError, AttributeError):
            return "unknown"
    return "action-receipt" if value.get("version") == action_receipt.VERSION else None


class Checked(Findings):
    """A statement that was checked, as the API answers it or as it was written out."""

    def __init__(self, text, keys, kept=(), quorum=None):
        super().__init__()
        self.keys, self.statement, self.heads = keys, None, {}
        self.attempt("the statement", self.check, text)
        if self.code() == CLEAN:
            self.look_back(kept)
        if self.code() in (CLEAN, INCOMPLETE) and len(self.witnesses) < (quorum or 0):
            self.wrong(QUORUM, f"{len(self.witnesses)} trusted witnesses cosigned, {quorum} must")

    def check(self, text):
        signed = read_json(text)[0]
        if "data" in signed:
            has(signed, {"data": dict})  # what stands beside it is under no signature
            signed = signed["data"]
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
        self.signers += [name for name in signers if name not in self.signers]
        self.heads[log] = size, root
        return size, root

    def look_back(self, kept):
        """Compares with the reader's checkpoints: a head of the same size has the same root."""
        for log, size, root, witnesses in kept:
            if log not in ("global", self.statement["org"]):
                raise Misuse(f"the kept checkpoint is of {log}, and this is of {self.statement['org']}")
            ours = self.heads.get(log, (None, None))
            if ours[0] == size and ours[1] != root:
                self.wrong(BAD, f"another root of {log} was signed earlier, at size {size}")
            elif ours[0] != size and not (log == "global" and witnesses & self.witnesses.keys()):
                self.wrong(INCOMPLETE, f"the kept head of {size} of {log} cannot be compared: nothing here leads to it")


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
    run.witnesses, cosigned = read_witnesses(above["checkpoint"], run.keys)
    if cosigned != it["witnessed"]:
        raise Wrong("what it says of witnesses is not what the global checkpoint shows")


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
    texts(it["excludes"] + it.get("names", []))
    if str(uuid.UUID(it["org"])) != it["org"]:
        raise Wrong("field org")
    run.head(it["checkpoint"], it["org"])
    known = all(one["tail"] != "unknown" for one in it["emitters"])
    holes = sum(max(0, one["last"] - one["after"] - one["present"]) for one in it["emitters"])
    if it.get("missing") != (holes if known else None):
        raise Wrong("what it says is missing is not what its emitters show")
    seconds = -((it["from"] - it["to"]) // 1_000_000)
    if (it["from"] > it["to"] or it["to"] - it["from"] not in I64 or it["ungovernedSeconds"] > seconds
            or it["decisions"] != sum(it["outcomes"].values()) or it["decisions"] and not it["emitters"]
            or len({one["emitter"] for one in it["emitters"]}) < len(it["emitters"])
            or any(one["present"] > one["last"] - one["after"] for one in it["emitters"])
            or since and (it["heardSeconds"] + it["silentSeconds"] != seconds
                          or not it["names"] or it["unnamed"] > it["decisions"])):
        raise Wrong("its numbers do not add up")


def report(run, it):
    """Who states it and over which signed head, and that it counts its controls right; the rest is to be judged."""
    if str(uuid.UUID(it["org"])) != it["org"]:
        raise Wrong("field org")
    ledger, counted = it["ledger"], {}
    size, root = run.head(ledger["checkpoint"], it["org"])
    if type(ledger["size"]) is not int or (ledger["size"], ledger["rootHash"]) != (size, base64.b64encode(root).decode()):
        raise Wrong("what it says of the ledger is not what its checkpoint says")
    for control in it["controls"]:
        first, *more = control["assessment"].split(" ")  # "no evidence" is summed up as noEvidence
        name = first + "".join(word[:1].upper() + word[1:] for word in more)
        counted[name] = counted.get(name, 0) + 1
    has(it["summary"], dict.fromkeys(it["summary"], U64))
    if not counted or {name: count for name, count in it["summary"].items() if count} != counted:
        raise Wrong("its summary is not that of its controls")


READERS = {"writ-receipt": (["writ-receipt/1"], receipt),
           "writ-coverage": (["writ-coverage/1", "writ-coverage/2"], coverage),
           "writ-compliance-report": (["writ-compliance-report/1"], report)}

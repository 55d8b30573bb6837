"""What a transparency log is made of: JSON in one spelling, entries, Merkle trees (RFC 6962), keys,
signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

import base64, functools, hashlib, json, struct, uuid

from findings import Unknown, Wrong
from signatures import ed25519_holds, point_read, rsa_holds

U64, I64 = range(2**64), range(-2**63, 2**63)
DEEPEST = 63  # brackets around a bracket


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- Values in their one spelling -----------------------------------------------------------------

def unbase64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Wrong("base64 in another spelling")
    return data


def hashes(texts):
    roots = [unbase64(text) for text in texts]
    if any(len(root) != 32 for root in roots):
        raise Wrong("a hash is 32 bytes")
    return roots


def in_order(value, depth=0):
    """The value with the members of its objects in the order of their UTF-16 units."""
    if depth > DEEPEST and isinstance(value, (dict, list)):
        raise Wrong("nested too deep")
    if type(value) is dict:
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {in_order(name): in_order(value[name], depth + 1) for name in names}
    if type(value) is list:
        return [in_order(item, depth + 1) for item in value]
    if type(value) is str and "\0" in value:
        raise Wrong("a NUL")
    return value


def canonical(value):
    """RFC 8785, for what is signed here: it holds no fractions."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if not text.isascii() or "\\" in text or text.count("[") + text.count("{") > DEEPEST:  # most are plain
        text = json.dumps(in_order(value), separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def distinct(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Wrong("an object names a field twice")
    return members


def whole(text):
    number = int(text)
    if str(number) != text or not -2**63 <= number < 2**64:
        raise Wrong("a number that not every reader takes for the same")
    return number


def fraction(text):
    raise Wrong("a number that is not whole")


def read_json(data):
    """A value that every reader takes for the same, and its one spelling."""
    value = json.loads(data.decode(), object_pairs_hook=distinct, parse_int=whole, parse_float=fraction,
                       parse_constant=fraction)
    return value, canonical(value)


def has(value, fields, optional=(), more=False):
    """Refuses all but an object with these fields (name: type, or range of an integer) and no others."""
    if type(value) is not dict:
        raise Wrong("not an object")
    for name in fields if more else fields.keys() | value.keys():
        kind, given = fields.get(name), value.get(name)
        if name not in value and name in optional:
            continue
        inside = type(kind) is range and type(given) is int and given in kind
        if not inside and (name not in value or type(given) is not kind):
            raise Wrong(f"field {name}")


def texts(given):
    if not all(type(text) is str for text in given):
        raise Wrong("not a list of texts")
    return given


def read_line(line, fields, optional=()):
    """A line: an object in its one spelling, with these fields, and a line end."""
    value, spelling = read_json(line)
    if spelling + b"\n" != line:
        raise Wrong("not canonical JSON")
    has(value, fields, optional)
    return value


# --- Entries --------------------------------------------------------------------------------------

def genesis_hash(org):
    return sha256(b"writ-ledger-genesis/1\n", org)


ENTRY = {"type": str, "occurred_at": I64, "actor": str, "action": str, "target": str, "aggregate_id": str,
         "on_behalf_of": list, "outcome": str, "reason_code": str, "policy_set_hash": str, "trace_id": str,
         "window": dict, "source": dict, "digest": str}
SOURCE = {"stream": str, "subject": str, "emitter": str, "emitter_seq": U64, "version": U64}
WINDOW = {"from": I64, "to": I64, "count": U64}


def read_leaf(data):
    """(org, seq, event id, hash of the leaf before, body) of "writ-leaf" 01 ‖ these ‖ length ‖ body."""
    if data[:10] != b"writ-leaf\x01" or len(data) < 86:
        raise Wrong("not a leaf")
    org, seq, event, previous, length = struct.unpack(">16sQ16s32sI", data[10:86])
    body, spelling = read_json(data[86:])
    if length != len(data) - 86 or length > 65536 or spelling != data[86:]:
        raise Wrong("not a canonical entry")
    has(body, ENTRY, ENTRY.keys() - {"type", "occurred_at", "source", "digest"}, more=True)
    has(body["source"], SOURCE, ["emitter_seq", "version"], more=True)
    if "window" in body:
        has(body["window"], WINDOW, more=True)
    texts(body.get("on_behalf_of", []))
    return org, seq, event, previous, body


# --- Merkle trees (RFC 6962, section 2.1) ---------------------------------------------------------

def leaf_hash(data):
    return sha256(b"\0", data)


def node_hash(left, right):
    return sha256(b"\1", left, right)


class Tree:
    """The roots of a growing tree's complete subtrees, largest first."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def add(self, root, level=0):
        at = self.size >> level
        while at & 1:
            root, at = node_hash(self.peaks.pop(), root), at >> 1
        self.peaks.append(root)
        self.size += 1 << level

    def root(self):
        if not self.peaks:
            return sha256()
        return functools.reduce(lambda right, left: node_hash(left, right), reversed(self.peaks))


def levels(start, end):
    """Levels of the fewest complete subtrees over the leaves start..end."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level
        start += 1 << level


def root_by_path(hash_, index, size, path):
    """The root that an audit path leads to (RFC 9162, section 2.1.3.2)."""
    if not index < size:
        raise Wrong("a leaf beyond the tree")
    last = size - 1
    for sibling in path:
        if last == 0:
            raise Wrong("an audit path that is too long")
        if index & 1 or index == last:
            hash_ = node_hash(sibling, hash_)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise Wrong("an audit path that is too short")
    return hash_


# --- Keys and signed notes ------------------------------------------------------------------------

RSA = b"\xffwrit-export/rsa-sha256\n"
USES = {"keys": {b"\x01": "checkpoint"}, "exportKeys": {b"\x01": "export", RSA: "export-rsa"},
        "witnessKeys": {b"\x04": "witness"}}


def read_keys(text):
    """[(kind, name, key id, key)] of KEYS.json: texts `name+id+base64(type ‖ key)` by their use."""
    given = read_json(text)[0]
    given, keys = given if type(given) is dict else {"keys": given}, []
    for use in given.keys() - USES.keys() - {"certificateKeys", "details"}:
        raise Wrong(f"unknown field {use}")
    for use, text in [(use, text) for use in USES for text in texts(given.get(use, []))]:
        name, key_id, typed = text.strip().split("+", 2)
        typed = unbase64(typed)
        found = [(kind, typed[len(p):]) for p, kind in USES[use].items() if typed.startswith(p)]
        if not found or not is_word(name) or sha256(name.encode(), b"\n", typed)[:4].hex() != key_id:
            raise Wrong(f"{text}: not a verifier key for {use}")
        if found[0][0] != "export-rsa" and (len(found[0][1]) != 32 or not point_read(found[0][1])):
            raise Wrong(f"{text}: not an Ed25519 key")
        keys.append((found[0][0], name, key_id, found[0][1]))
    if not given.get("keys"):
        raise Wrong("no key in it")
    return keys


def is_word(name):
    return name != "" and not any(c.isspace() or c == "+" or ord(c) < 32 or c == "\x7f" for c in name)


def holds(kind, key, text, signature):
    """Whether `signature` is over `text`; a witness's gives the time it signed at."""
    if kind == "witness":
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        message = f"cosignature/v1\ntime {time}\n".encode() + text
        return time if 0 < time < 2**63 and ed25519_holds(key, message, signature) else False
    return (rsa_holds if kind == "export-rsa" else ed25519_holds)(key, text, signature)


def open_note(note, keys, kinds):
    """The text of a note, {(name, kind): time or 1} of the trusted keys of these kinds that signed it,
    and (name, key id, signature) of every signature line.

    Signatures by keys you do not trust are ignored; a wrong one by a key you do refuses the note.
    """
    at = note.rindex("\n\n")
    text, lines = note[:at + 1].encode(), note[at + 2:].split("\n")
    control = any(ord(c) < 32 and c != "\n" or c == "\x7f" for c in note)
    if control or lines.pop() != "" or len(lines) > 100 or len(note.encode()) > 65536:
        raise Wrong("not a signed note")
    signed, all_lines = {}, []
    for line in lines:
        dash, name, blob = line.split(" ")
        blob = unbase64(blob)
        if dash != "—" or not is_word(name) or len(blob) < 5:
            raise Wrong("not a signature line")
        all_lines.append((name, blob[:4].hex(), blob[4:]))
        for kind, known, key_id, key in keys:
            if kind in kinds and known == name and key_id == blob[:4].hex():
                result = holds(kind, key, text, blob[4:])
                if result is False:
                    raise Wrong(f"the signature by {name} is wrong")
                signed[name, kind] = max(int(result), signed.get((name, kind), 0))
    return text, signed, all_lines


def read_witnesses(note, keys):
    """{name: time} of the trusted witnesses that cosigned, and whether anybody did."""
    _, signed, lines = open_note(note, keys, ["witness"])
    cosigned = any(len(signature) == 72 for _, _, signature in lines)  # a time and an Ed25519 signature
    return {name: time for (name, _), time in signed.items()}, cosigned


def read_checkpoint(note, keys):
    """(origin, size, root, names of the trusted log keys that signed)."""
    text, signed, lines = open_note(note, keys, ["checkpoint"])
    origin, size, root, *extensions = text.decode()[:-1].split("\n")
    if not lines or not origin or not all(extensions) or str(int(size)) != size:
        raise Wrong("not a checkpoint")
    root = unbase64(root)
    if len(root) != 32 or int(size) not in U64:
        raise Wrong("not a checkpoint")
    if not signed:
        raise Unknown("no trusted key signed it")
    return origin, int(size), root, [name for name, _ in signed]


def read_head(note, log, keys):
    """As `read_checkpoint`, of the log that a signer calls `<its name>/<log>`."""
    found = read_checkpoint(note, keys)
    if not any(f"{name}/{log}" == found[0] for name in found[3]):
        raise Wrong("a checkpoint of another log")
    return found


def read_kept(note, keys):
    """(log, size, root, witnesses) of a checkpoint that the reader kept: "global", or an organisation."""
    log = note.split("\n")[0].rpartition("/")[2]
    if log != "global" and str(uuid.UUID(log)) != log:
        raise Wrong("not a checkpoint of a ledger")
    _, size, root, _ = read_head(note, log, keys)
    return log, size, root, read_witnesses(note, keys)[0].keys()


def global_root(org, size, root, interval, place):
    """The root of the log over all organisations, by a head of one: the paths (index, size, path) from
    the head to its interval's root, and from there up."""
    head = leaf_hash(org + struct.pack(">Q", size) + root)
    return root_by_path(leaf_hash(root_by_path(head, *interval)), *place)

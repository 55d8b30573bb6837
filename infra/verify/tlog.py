"""What a transparency log is made of: JSON in one spelling, entries, Merkle trees (RFC 6962), keys,
signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

import base64, functools, hashlib, json, struct

from findings import Unknown, Wrong
from signatures import ed25519_holds, rsa_holds

U64, I64 = range(2**64), range(-2**63, 2**63)


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


def canonical(value):
    """RFC 8785, for what is signed here: it holds no fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def distinct(pairs):
    if len(dict(pairs)) < len(pairs):
        raise Wrong("an object names a field twice")
    return dict(pairs)


def read_json(data):
    return json.loads(data.decode(), object_pairs_hook=distinct)


def has(value, fields, optional=()):
    """Refuses all but an object with these fields (name: type, or range of an integer) and no others."""
    if type(value) is not dict:
        raise Wrong("not an object")
    for name in fields.keys() | value.keys():
        kind, given = fields.get(name), value.get(name)
        if name not in value and name in optional:
            continue
        whole = type(kind) is range and type(given) is int and given in kind
        if not whole and (name not in value or type(given) is not kind):
            raise Wrong(f"field {name}")


def read_line(line, fields, optional=()):
    """A line: an object in its one spelling, with these fields, and a line end."""
    value = read_json(line)
    if canonical(value) + b"\n" != line:
        raise Wrong("not canonical JSON")
    has(value, fields, optional)
    return value


# --- Entries --------------------------------------------------------------------------------------

def genesis_hash(org):
    return sha256(b"writ-ledger-genesis/1\n", org)


def read_leaf(data):
    """(org, seq, event id, hash of the leaf before, body) of "writ-leaf" 01 ‖ these ‖ length ‖ body."""
    if data[:10] != b"writ-leaf\x01" or len(data) < 86:
        raise Wrong("not a leaf")
    org, seq, event, previous, length = struct.unpack(">16sQ16s32sI", data[10:86])
    body = json.loads(data[86:].decode())
    if length != len(data) - 86 or length > 65536 or canonical(body) != data[86:] or data[86:87] != b"{":
        raise Wrong("not a canonical entry")
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


def read_keys(given):
    """[(kind, name, key id, key)] of KEYS.json: texts `name+id+base64(type ‖ key)` by their use."""
    given, keys = given if isinstance(given, dict) else {"keys": given}, []
    for use, text in [(use, text) for use in USES for text in given.get(use, [])]:
        name, key_id, typed = text.strip().split("+", 2)
        typed = unbase64(typed)
        found = [(kind, typed[len(p):]) for p, kind in USES[use].items() if typed.startswith(p)]
        if not found or sha256(name.encode(), b"\n", typed)[:4].hex() != key_id:
            raise Wrong(f"{text}: not a verifier key for {use}")
        keys.append((found[0][0], name, key_id, found[0][1]))
    if not given.get("keys"):
        raise Wrong("no key in it")
    return keys


def holds(kind, key, text, signature):
    """Whether `signature` is over `text`; a witness's gives the time it signed at."""
    if kind == "witness":
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        message = f"cosignature/v1\ntime {time}\n".encode() + text
        return time if 0 < time < 2**63 and ed25519_holds(key, message, signature) else False
    return (rsa_holds if kind == "export-rsa" else ed25519_holds)(key, text, signature)


def open_note(note, keys, kinds):
    """The text of a note, {name: time or 1} of the trusted keys of these kinds that signed it, and
    the "name+id" of every signature line.

    Signatures by keys you do not trust are ignored; a wrong one by a key you do refuses the note.
    """
    at = note.rindex("\n\n")
    text, lines = note[:at + 1].encode(), note[at + 2:].split("\n")
    control = any(ord(c) < 32 and c != "\n" or c == "\x7f" for c in note)
    if control or lines.pop() != "" or len(lines) > 100 or len(note.encode()) > 65536:
        raise Wrong("not a signed note")
    signed, names = {}, []
    for line in lines:
        dash, name, blob = line.split(" ")
        blob = unbase64(blob)
        if dash != "—" or not name or "+" in name or len(blob) < 5:
            raise Wrong("not a signature line")
        names.append(f"{name}+{blob[:4].hex()}")
        for kind, known, key_id, key in keys:
            if kind in kinds and known == name and key_id == blob[:4].hex():
                result = holds(kind, key, text, blob[4:])
                if result is False:
                    raise Wrong(f"the signature by {name} is wrong")
                signed[name] = max(int(result), signed.get(name, 0))
    return text, signed, names


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
    return origin, int(size), root, list(signed)


def read_head(note, log, keys):
    """As `read_checkpoint`, of the log that a signer calls `<its name>/<log>`."""
    found = read_checkpoint(note, keys)
    if not any(f"{name}/{log}" == found[0] for name in found[3]):
        raise Wrong("a checkpoint of another log")
    return found


def global_root(org, size, root, interval, place):
    """The root of the log over all organisations, by a head of one: the paths (index, size, path) from
    the head to its interval's root, and from there up."""
    head = leaf_hash(org + struct.pack(">Q", size) + root)
    return root_by_path(leaf_hash(root_by_path(head, *interval)), *place)

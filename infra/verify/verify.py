#!/usr/bin/env python3
"""Verifies an export of a Writ ledger, offline: verify.py FILE --keys KEYS.json

Python 3.11 and its standard library; nothing of Writ is used. KEYS.json holds the keys *you* trust,
{"keys": ["name+id+base64", …], "exportKeys": […], "witnessKeys": […]}; a bundle brings none. Checked are: each entry's bytes and
place, the chain of hashes, the RFC 6962 tree, the signatures on the checkpoint (C2SP signed notes),
its place in the log over all organisations, the cosignatures of witnesses, the signed manifest, and
what the numbers of the emitters say. docs/guides/verify.md explains the words.

Exit codes, the worst counts:
  0  everything holds
  1  the file or the keys cannot be read
  2  bad content: an entry, the chain, the tree, a proof or a signature is wrong
  3  unknown key: no trusted key signed
  4  incomplete range: entries that must be there are missing or not shown
  5  missing witness quorum: fewer trusted witnesses cosigned than you require
"""

import argparse, base64, datetime, functools, hashlib, json, struct, sys, uuid

CLEAN, UNREADABLE, BAD, UNKNOWN, INCOMPLETE, QUORUM, USAGE = 0, 1, 2, 3, 4, 5, 64
WORST_FIRST = [BAD, UNKNOWN, INCOMPLETE, QUORUM]
WORDS = {CLEAN: "verified", BAD: "bad content", UNKNOWN: "unknown key",
         INCOMPLETE: "incomplete range", QUORUM: "missing witness quorum"}
FORMAT = "writ-ledger-export/2"
FOREVER = 2**63


class Wrong(Exception):
    """What is read is not what its place calls for."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- Ed25519 (RFC 8032, section 5.1.7), in extended coordinates -----------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def point_add(a, b):
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


@functools.lru_cache(maxsize=64)
def doublings(point):
    """The point times 1, 2, 4, …, 2^255; kept, as few keys sign much."""
    points = [point]
    for _ in range(255):
        points.append(point_add(points[-1], points[-1]))
    return points


def point_mul(scalar, point):
    parts = (part for bit, part in enumerate(doublings(point)) if scalar >> bit & 1)
    return functools.reduce(point_add, parts, (0, 1, 1, 0))


def point_read(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Wrong("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def point_write(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_read((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=4096)
def ed25519_holds(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    x, y, z, t = point_read(key)
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    expected = point_add(point_mul(s, BASE), point_mul(k, (P - x, y, z, P - t)))
    return s < ORDER and point_write(expected) == signature[:32]


# --- RSA with SHA-256 (RFC 8017, section 8.2.2) ---------------------------------------------------

def rsa_holds(key, message, signature):
    def integer(data):  # one DER integer, and what follows it
        length, at = data[1], 2
        if length > 127:
            at += length - 128
            length = int.from_bytes(data[2:at], "big")
        return int.from_bytes(data[at:at + length], "big"), data[at + length:]

    body = key[2:] if key[1] < 128 else key[2 + key[1] - 128:]  # inside the SEQUENCE
    (modulus, rest), size = integer(body), len(signature)
    exponent = integer(rest)[0]
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(message)
    padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
    number = int.from_bytes(signature, "big")
    return (modulus.bit_length() >= 2048 and size == (modulus.bit_length() + 7) // 8
            and number < modulus and pow(number, exponent, modulus).to_bytes(size, "big") == padded)


# --- Keys and signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ------------------

RSA = b"\xffwrit-export/rsa-sha256\n"
USES = {"keys": {b"\x01": "checkpoint"}, "exportKeys": {b"\x01": "export", RSA: "export-rsa"},
        "witnessKeys": {b"\x04": "witness"}}


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Wrong("base64 in another spelling")
    return data


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
        return time if 0 < time < FOREVER and ed25519_holds(key, message, signature) else False
    return (rsa_holds if kind == "export-rsa" else ed25519_holds)(key, text, signature)


def open_note(note, keys, kinds):
    """The text of a note, {name: time or 1} of the trusted keys of these kinds that signed it, and
    the "name+id" of every signature line.

    Signatures by keys you do not trust are ignored; a wrong one by a key you do refuses the note.
    """
    at = note.rindex("\n\n")
    text, lines = note[:at + 1].encode(), note[at + 2:].splitlines()
    if any(ord(c) < 32 and c != "\n" or c == "\x7f" for c in note) or len(note.encode()) > 65536:
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
    text, signed, _ = open_note(note, keys, ["checkpoint"])
    origin, size, root, *extensions = text.decode()[:-1].split("\n")
    if not origin or not all(extensions) or not size.isdecimal() or str(int(size)) != size:
        raise Wrong("not a checkpoint")
    root = unbase64(root)
    if len(root) != 32 or int(size) >= 2**64:
        raise Wrong("not a checkpoint")
    return origin, int(size), root, list(signed)


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


# --- A bundle -------------------------------------------------------------------------------------

def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_json(data, fields, optional=()):
    """An object in its one spelling, with these fields (name: type) and no others."""
    value = json.loads(data.decode(), parse_constant=lambda _: None)
    if type(value) is not dict or canonical(value) != data:
        raise Wrong("not canonical JSON")
    for name in fields.keys() | value.keys():
        if name not in value and name in optional:
            continue
        ok = type(value.get(name)) is fields.get(name)
        if not ok or ok and fields[name] is int and not 0 <= value[name] < 2**64:
            raise Wrong(f"field {name}")
    return value


def hashes(texts):
    roots = [unbase64(text) for text in texts]
    if any(len(root) != 32 for root in roots):
        raise Wrong("a hash is 32 bytes")
    return roots


def read_leaf(data):
    """(tenant, seq, prev_hash, body) of "writ-leaf" 01 ‖ tenant ‖ seq ‖ event ‖ prev ‖ length ‖ body."""
    if data[:10] != b"writ-leaf\x01" or len(data) < 86:
        raise Wrong("not a leaf")
    tenant, seq, _event, previous, length = struct.unpack(">16sQ16s32sI", data[10:86])
    body = json.loads(data[86:].decode())
    if length != len(data) - 86 or length > 65536 or canonical(body) != data[86:] or data[86:87] != b"{":
        raise Wrong("not a canonical entry")
    return tenant, seq, previous, body


class Verification:
    """One run over the lines of a bundle; `found` collects (code, sentence)."""

    def __init__(self, keys, quorum=None, asked=None, seen=()):
        witnesses = sum(kind == "witness" for kind, *_ in keys)
        self.keys, self.quorum = keys, min(witnesses, 1) if quorum is None else quorum
        self.asked, self.seen, self.heads = asked or ("all",), [], {}
        for note in seen:
            self.seen.append(read_checkpoint(note, keys))
            if not self.seen[-1][3]:
                raise Wrong("no trusted key signed the checkpoint seen earlier")
        self.found, self.tree, self.next, self.previous = [], Tree(), 0, None
        self.header, self.manifest, self.sealed = None, None, None
        self.signers, self.exporters, self.witnesses = [], [], {}
        self.digest, self.shown, self.hidden = hashlib.sha256(), 0, 0
        self.numbers, self.stated, self.unstated = {}, 0, 0

    def wrong(self, code, sentence):
        self.found.append((code, sentence))

    def attempt(self, sentence, function, *arguments):
        try:
            return function(*arguments)
        except Exception as why:  # whatever it is, it is not what it has to be
            self.wrong(BAD, f"{sentence}: {why}" if isinstance(why, Wrong) else sentence)
            return None

    def signed_by_log(self, note, what):
        """(size, root) of a checkpoint of the log `what` of a trusted key."""
        origin, size, root, signers = read_checkpoint(note, self.keys)
        if not signers:
            self.wrong(UNKNOWN, f"no trusted key signed the checkpoint of {what}")
            return None
        if not any(f"{name}/{what}" == origin for name in signers):
            raise Wrong("a checkpoint of another log")
        for _, seen_size, seen_root, _ in [head for head in self.seen if head[0] == origin]:
            if size < seen_size:
                self.wrong(INCOMPLETE, f"{seen_size} were signed earlier, {size} are here")
            elif size == seen_size and root != seen_root:
                self.wrong(BAD, "another root was signed earlier")
            elif what != "global":
                self.heads.setdefault(seen_size, []).append(seen_root)
        self.signers = signers
        return size, root

    def open(self, line):
        fields = {"checkpoint": str, "filter": dict, "format": str, "from": int, "global": dict,
                  "org": str, "period": dict, "size": int, "to": int}
        header = read_json(line[:-1], fields, ["filter", "global", "period"])
        org = uuid.UUID(header["org"])
        if line[-1:] != b"\n" or header["format"] != FORMAT or str(org) != header["org"]:
            raise Wrong("not a header")
        self.header, self.org = header, org.bytes
        self.previous = sha256(b"writ-ledger-genesis/1\n", org.bytes)
        signed = self.attempt("the checkpoint", self.signed_by_log, header["checkpoint"], str(org))
        if signed:
            self.sealed = signed[0]
            self.heads.setdefault(signed[0], []).append(signed[1])
        self.compare()
        if signed and self.sealed != header["size"] or not header["from"] <= header["to"] <= header["size"]:
            self.wrong(BAD, "the header names another size")
        if "global" in header:
            self.attempt("the place in the global log", self.check_global, header["global"], signed)
        if len(self.witnesses) < self.quorum:
            self.wrong(QUORUM, f"{len(self.witnesses)} trusted witnesses cosigned, {self.quorum} must")
        if self.asked[0] == "period":
            made = header.get("period")
            if made is None or (made.get("from", -FOREVER) > self.asked[1] or made.get("to", FOREVER) < self.asked[2]):
                self.wrong(INCOMPLETE, "made for a period that does not cover the one asked for")

    def check_global(self, given, signed):
        head, path = hashes(given["headPath"]), hashes(given["path"])
        found = self.signed_by_log(given["checkpoint"], "global")
        if found and signed:
            data = self.org + struct.pack(">Q", signed[0]) + signed[1]
            interval = root_by_path(leaf_hash(data), given["head"], given["heads"], head)
            if root_by_path(leaf_hash(interval), given["index"], found[0], path) != found[1]:
                raise Wrong("the checkpoint is not in it")
        if found:
            self.witnesses = open_note(given["checkpoint"], self.keys, ["witness"])[1]

    def line(self, line):
        if self.header is None:
            self.open(line)
        elif self.manifest is not None:
            raise Wrong("a line after the manifest")
        elif line.startswith(b'{"leaf":"'):
            value = read_json(line[:-1], {"leaf": str, "seq": int})
            data = unbase64(value["leaf"])
            self.shown += 1
            self.entry(value["seq"], data)
        elif line.startswith(b'{"manifest"'):
            self.manifest = read_json(line[:-1], {"manifest": str})["manifest"]
        else:
            self.redacted(read_json(line[:-1], {"from": int, "nodes": list, "to": int}))
        if line[-1:] != b"\n":
            raise Wrong("no line end")

    def take(self, position):
        if position < self.next:
            self.wrong(BAD, f"entry {position} comes twice or too late")
            return False
        if position > self.next:
            self.wrong(INCOMPLETE, f"entries {self.next}..{position} are missing")
            self.previous = self.tree = None
        return True

    def entry(self, position, data):
        if not self.take(position):
            return
        leaf = self.attempt(f"entry {position} is not a canonical leaf", read_leaf, data)
        if leaf:
            tenant, seq, previous, body = leaf
            if tenant != self.org:
                self.wrong(BAD, f"entry {position} belongs to another organisation")
            if seq != position:
                self.wrong(BAD, f"entry {position} says it is {seq}")
            if self.previous not in (None, previous):
                self.wrong(BAD, f"entry {position} does not follow the one before")
            self.attempt(f"entry {position} has no source", self.number, body)
        self.previous, self.next = leaf_hash(data), position + 1
        self.grow(self.previous, 0)

    def grow(self, root, level):
        if self.tree:
            self.tree.add(root, level)
        self.compare()

    def compare(self):
        if self.tree and any(head != self.tree.root() for head in self.heads.get(self.tree.size, [])):
            self.wrong(BAD, f"the first {self.tree.size} entries do not have the root that was signed")

    def number(self, body):
        source, target = body["source"], body.get("target", "")
        if body["type"] == "ledger.gap_detected.v1":
            self.stated += 1
            if target.startswith("incarnation:"):
                emitter, _, hole = target[12:].rpartition(":")
                self.numbers[emitter] = max(self.numbers.get(emitter, 0), int(hole.split("-")[1]))
        elif "emitter_seq" in source:
            last, seq = self.numbers.get(source["emitter"], 0), source["emitter_seq"]
            self.unstated += max(0, seq - last - 1)
            self.numbers[source["emitter"]] = max(last, seq)

    def redacted(self, mark):
        start, end, nodes = mark["from"], mark["to"], hashes(mark["nodes"])
        self.hidden += max(0, end - start)
        if not self.take(start):
            return
        places = list(levels(start, end))
        if not start < end or len(places) != len(nodes) or self.sealed is not None and end > self.sealed:
            raise Wrong(f"the redaction mark at {start} stands for no range of the tree")
        asked = {"all": (0, FOREVER), "shown": (0, 0)}.get(self.asked[0]) or self.asked[1:]
        if self.asked[0] == "period":
            asked = self.header["from"], self.header["to"]
        if max(asked[0], start) < min(asked[1], end):
            self.wrong(INCOMPLETE, f"entries {start}..{end} are not shown")
        for level, root in zip(places, nodes):
            self.previous = root if level == 0 else None
            self.grow(root, level)
        self.next = end

    def check_manifest(self):
        text, signed, names = open_note(self.manifest, self.keys, ["export", "export-rsa"])
        expected = {key: self.header[key] for key in ["format", "from", "org", "size", "to"]}
        expected |= {"entries": self.shown, "redacted": self.hidden, "sha256": self.digest.hexdigest(),
                     "keys": names}
        if text != canonical(expected) + b"\n":
            raise Wrong("it is not of these lines")
        if not signed and any(kind.startswith("export") for kind, *_ in self.keys):
            self.wrong(UNKNOWN, "no trusted export key signed the manifest")
        self.exporters = list(signed)

    def finish(self):
        if self.header is None:
            return self
        if self.manifest is None:
            self.wrong(INCOMPLETE, "the bundle was cut short: it has no manifest")
        else:
            self.attempt("the manifest", self.check_manifest)
        if self.sealed is not None and self.next < self.sealed:
            self.wrong(INCOMPLETE, f"entries {self.next}..{self.sealed} are missing")
        elif self.sealed is not None and self.next > self.sealed:
            self.wrong(INCOMPLETE, f"entries {self.sealed}..{self.next} are under no checkpoint")
        return self

    def code(self):
        codes = {code for code, _ in self.found}
        return next((code for code in WORST_FIRST if code in codes), CLEAN)


def verify(lines, keys, **options):
    """Verifies the lines of a bundle (bytes, with their line ends); the result has `code()`."""
    run = Verification(keys, **options)
    for number, line in enumerate(lines, 1):
        run.attempt(f"line {number} cannot be read", run.line, line)
        if number == 1 and run.header is None:
            break
        if run.manifest is None:
            run.digest.update(line)
    if run.header is None and not run.found:
        run.wrong(BAD, "line 1 cannot be read")
    return run.finish()


# --- The command ----------------------------------------------------------------------------------

def read_moment(text):
    """A sequence number, or microseconds since 1970 of an RFC 3339 time or a date."""
    if text is None or text.isdecimal():
        return text and int(text), False
    moment = datetime.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1), True


def read_asked(options):
    (start, timed), (end, timed_too) = read_moment(options.start), read_moment(options.end)
    if options.filtered:
        return ("shown",)
    if start is None and end is None:
        return ("all",)
    if timed or timed_too:
        return "period", -FOREVER if start is None else start, FOREVER if end is None else end
    return "entries", start or 0, FOREVER if end is None else end


def main(arguments=None):
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.print_usage(sys.stderr)
            self.exit(USAGE, f"{self.prog}: {message}\n")

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the bundle that `writ audit export --out` wrote")
    parser.add_argument("--keys", required=True, metavar="KEYS.json", help="the keys you trust")
    parser.add_argument("--quorum", type=int, help="witnesses that must have cosigned; default: 1 if you trust any")
    parser.add_argument("--from", dest="start", help="only from this entry number or time on must be shown")
    parser.add_argument("--to", dest="end", help="only entries before this number or time must be shown")
    parser.add_argument("--filtered", action="store_true", help="entries may be left out, as the marks say")
    parser.add_argument("--seen", action="append", default=[], metavar="NOTE", help="a checkpoint you kept from earlier")
    options = parser.parse_args(arguments)
    try:
        with open(options.keys, encoding="utf-8") as file:
            keys = read_keys(json.load(file))
        seen = [open(name, encoding="utf-8", newline="").read() for name in options.seen]
        with open(options.file, "rb") as file:
            run = verify(file, keys, quorum=options.quorum, asked=read_asked(options), seen=seen)
    except (OSError, ValueError, LookupError, TypeError, Wrong) as why:
        print(f"cannot verify: {why}", file=sys.stderr)
        return UNREADABLE
    org = run.header["org"] if run.header else "no ledger"
    print(f"{WORDS[run.code()]}: {org}: {run.shown} entries shown, {run.hidden} not shown, {run.sealed} sealed by "
          f"{', '.join(run.signers) or 'nobody trusted'}")
    for name, time in run.witnesses.items():
        print(f"  witnessed by {name} at {datetime.datetime.fromtimestamp(time, datetime.timezone.utc).isoformat()}")
    print(f"  manifest signed by {', '.join(run.exporters) or 'no key you trust for exports'}")
    if not run.hidden:
        print(f"  gaps in the emitters' numbers: {run.stated} stated; {run.unstated} numbers unaccounted for")
    for _, sentence in run.found[:100]:
        print(f"  - {sentence}")
    if len(run.found) > 100:
        print(f"  and {len(run.found) - 100} more")
    return run.code()


if __name__ == "__main__":
    sys.exit(main())

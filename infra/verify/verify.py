#!/usr/bin/env python3
"""Verifies what a Writ ledger gave out, offline: verify.py FILE --keys KEYS.json

FILE is an export, a receipt, a statement of coverage, a compliance report, or an Action Receipt. Python 3.11 and
its standard library; nothing of Writ is used. KEYS.json holds the keys *you* trust,
{"keys": ["name+id+base64", …], "exportKeys": […], "witnessKeys": […]}; what is verified brings none.
docs/guides/verify.md explains the words. The modules, in the order to read them:

  findings.py        what can be found, and the exit codes
  signatures.py      Ed25519, RSA
  tlog.py            entries, Merkle trees, signed notes, checkpoints
  bundle.py          an export: each entry, the chain of hashes, the tree, the log over all, the manifest
  statements.py      a receipt, a statement of coverage, a report
  recount.py         what a statement of coverage says, counted again from an export
  action_receipt.py  a portable receipt, which nobody signs
  siem.py            an export for a SIEM: its manifest

Exit codes, the worst counts:
   0  everything holds
   1  a file cannot be read: nothing was verified
   2  bad content: an entry, the chain, the tree, a proof or a signature is wrong, or FILE is none of these
   3  unknown key: no trusted key signed
   4  incomplete range: entries that must be there are missing or not shown, or it cannot be shown that they are
   5  missing witness quorum: fewer trusted witnesses cosigned than you require
  64  the question cannot be asked: nothing was verified
"""

import argparse, datetime, os, re, stat, sys

import bundle, siem, statements
from action_receipt import ActionReceipt
from findings import CLEAN, QUORUM, UNREADABLE, USAGE, WORST_FIRST, Misuse, Wrong
from recount import Recount
from tlog import U64, read_keys, read_kept

LARGEST_STATEMENT = 2**24  # a larger file is read line by line
TIME = r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d))?"


def count(text):
    if not re.fullmatch("[0-9]+", text) or int(text) not in U64:
        raise argparse.ArgumentTypeError(f"not a number: {text}")
    return int(text)


def bound(text):
    """("entries", number), or ("period", microseconds since 1970) of an RFC 3339 time or a date."""
    if re.fullmatch("[0-9]+", text):
        return "entries", count(text)
    if not re.fullmatch(TIME, text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected an entry's number, a date or a time: {text}")
    moment = datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return "period", since // datetime.timedelta(microseconds=1)


def asked(options):
    """What of an export has to be shown; None if nothing was said of it."""
    shown = ("shown",) if options.filtered else ()
    kinds = {given[0] for given in (options.start, options.end) if given}
    if len(kinds) > 1:
        raise Misuse("--from and --to are both entries' numbers, or both times")
    if not kinds:
        return shown or None
    low, high = (0, bundle.LAST) if kinds == {"entries"} else (-bundle.FOREVER, bundle.FOREVER)
    first, last = options.start[1] if options.start else low, options.end[1] if options.end else high
    if options.start and options.end and first >= last:
        raise Misuse("--to must be after --from")
    return (*kinds, first, last, *shown)


def read_options(arguments):
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.print_usage(sys.stderr)
            self.exit(USAGE, f"{self.prog}: {message}\n")

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="what `writ audit export`, `receipt` or `coverage` wrote")
    parser.add_argument("--keys", required=True, metavar="KEYS.json", help="the keys you trust")
    parser.add_argument("--against", metavar="FILE", help="count a statement of coverage again from this whole export; "
                                                          "compare an Action Receipt with this receipt of the ledger")
    parser.add_argument("--quorum", type=count, help="witnesses that must have cosigned; default: 1 if you trust any")
    parser.add_argument("--from", dest="start", type=bound, help="only from this entry number or time on must be shown")
    parser.add_argument("--to", dest="end", type=bound, help="only entries before this number or time must be shown")
    parser.add_argument("--filtered", action="store_true", help="entries may be left out, as the marks say")
    parser.add_argument("--seen", action="append", default=[], metavar="NOTE", help="a checkpoint you kept from earlier")
    return parser.parse_args(arguments)


def keep(notes, keys):
    try:
        return [read_kept(note, keys) for note in notes]
    except (Wrong, ValueError) as why:
        raise Misuse(f"--seen: {why}") from why


def verify(file, keys, against=None, seen=(), quorum=None, asked=None, beside=None):
    """The runs over an open file, and over the one it is compared with, which `against` opens."""
    kept = keep(seen, keys)
    head = file.read(LARGEST_STATEMENT + 1)
    kind = statements.kind_of(head) if len(head) <= LARGEST_STATEMENT else None
    if against is not None and kind not in ("writ-coverage", "action-receipt"):
        raise Misuse("--against is for a statement of coverage or an Action Receipt")
    if kind is not None and asked is not None:
        raise Misuse("--from, --to and --filtered are for an export")
    if kind == "action-receipt":
        if quorum is not None or seen:
            raise Misuse("an Action Receipt holds no checkpoint: no --quorum, no --seen")
        return verify_action_receipt(head, keys, against)
    if against is not None:
        return verify_coverage(head, keys, against, kept, quorum)
    if kind in ("writ-coverage", "writ-compliance-report") and quorum is not None:
        raise Misuse("--quorum is for an export or a receipt: no witness signs what this is over")
    if kind is not None:
        return [statements.Checked(head, keys, kept, quorum)]
    file.seek(0)
    first = file.readline(bundle.LONGEST_LINE)
    file.seek(0)
    if not first.startswith(b'{"checkpoint"') and (beside is not None or siem.is_one(first)):
        if seen or quorum is not None or asked is not None and asked[0] != "shown":
            raise Misuse("lines for a SIEM hold no proof: no --seen, --quorum, --from or --to")
        return [siem.Lines(keys, beside, filtered=asked is not None).read(file)]
    return [bundle.Bundle(keys, quorum, asked, kept).read(file)]


def verify_action_receipt(text, keys, against):
    run = ActionReceipt(text)
    if against is None or run.code() != CLEAN:
        return [run]
    with against() as file:
        text = file.read(LARGEST_STATEMENT)
    if statements.kind_of(text) != "writ-receipt":
        raise Misuse("--against is for an Action Receipt a receipt of the ledger")
    receipt = statements.Checked(text, keys)
    if receipt.code() == CLEAN:
        run.compare(receipt.statement)
    return [run, receipt]


def verify_coverage(text, keys, export, kept, quorum):
    """Counts it again from a whole export, which must hold the head that it names."""
    run = statements.Checked(text, keys)
    if run.code() != CLEAN:
        return [run]
    stated = run.statement
    size, root = run.heads[stated["org"]]
    counting = Recount(stated, size)
    kept = kept + [(stated["org"], size, root, set())]
    with export() as file:
        whole = bundle.Bundle(keys, quorum, None, kept, org=stated["org"], each=counting.entry).read(file)
    if whole.code() in (CLEAN, QUORUM):
        counting.compare(run)
    else:
        run.clean = "signed, and not counted again: the export does not show every entry as it was signed"
    return [run, whole]


def summary(run):
    """What the file is, first on the line of the result."""
    signers = ", ".join(run.signers) or "nobody trusted"
    if isinstance(run, ActionReceipt):
        yield "agentboundary/v0.1, hashed and not signed: it shows that nothing changed since, not who made it"
        if run.recorded:
            yield f"the ledger recorded {run.recorded}, by this actor and with this decision; the rest it does not say"
    elif isinstance(run, statements.Checked):
        yield f"{run.statement['format']}, signed by {signers}" if run.statement else "a statement"
    elif isinstance(run, siem.Lines):
        yield f"{run.org or 'the file'}: {run.count} lines for a SIEM, signed by {', '.join(run.exporters) or 'nobody trusted'}"
        yield "it shows who exported these lines, and not that they are in the ledger"
    elif run.header is None:
        yield "nothing that the ledger gives out"
    else:
        sealed = "no head" if run.sealed is None else f"{run.sealed} sealed by {signers}"
        yield f"{run.header['org']}: {run.shown} entries shown, {run.hidden} not shown, {sealed}"
        yield f"manifest signed by {', '.join(run.exporters) or 'no key you trust for exports'}"
        if not run.hidden:
            yield f"gaps in the emitters' numbers: {run.stated} stated; {run.unstated} numbers unaccounted for"
    for name, time in run.witnesses.items():
        yield f"witnessed by {name} at {bundle.written(time * 1_000_000)}"
    for sentence in run.sentences:
        yield f"- {sentence}"
    if run.total > len(run.sentences):
        yield f"and {run.total - len(run.sentences)} more"


def read_all(options):
    """The runs; the files are closed when they are done."""
    text = read(options.keys)
    try:
        keys = read_keys(text)
    except (Wrong, ValueError, TypeError, RecursionError) as why:
        raise Misuse(f"{options.keys}: {why}") from why
    told = {"quorum": options.quorum, "asked": asked(options), "seen": [read(name).decode() for name in options.seen]}
    beside = f"{options.file}.manifest.json"
    if not stat.S_ISREG(os.stat(options.file).st_mode):
        raise OSError(f"{options.file} is not a file that can be read twice; write what comes through a pipe to a file")
    with open(options.file, "rb") as file:
        if os.path.exists(beside):
            told["beside"] = read(beside)
        if options.against is not None:
            told["against"] = lambda: open(options.against, "rb")
        return verify(file, keys, **told)


def read(name):
    with open(name, "rb") as file:
        data = file.read(LARGEST_STATEMENT)
    data.decode()
    return data


def visible(text):
    """Without what would steer a terminal: names in a file are other people's."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def main(arguments=None):
    options = read_options(arguments)
    sys.stdout.reconfigure(errors="replace")
    try:
        runs = read_all(options)
    except Misuse as why:
        print(visible(f"cannot be asked: {why}"), file=sys.stderr)
        return USAGE
    except (OSError, UnicodeDecodeError) as why:
        print(f"cannot read: {why}", file=sys.stderr)
        return UNREADABLE
    try:
        for run in runs:
            print(visible(f"{run.result()}: " + "\n  ".join(summary(run))))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough; what was found stays found
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return worst(runs)


def worst(runs):
    codes = {run.code() for run in runs}
    return next(code for code in WORST_FIRST if code in codes)


if __name__ == "__main__":
    sys.exit(main())

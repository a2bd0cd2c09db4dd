"""The audit of anybody's run: ``python -m delivery_semantics.audit FILE``; ``--help`` says how.

It is a command and cannot be imported, so that ``delivery_semantics.audit`` stays the function.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from io import TextIOWrapper

from .core.audit import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, FIFO, audit
from .live.log import FIELDS, WORDS, from_lines

PROGRAM = "delivery_semantics.audit"
if __name__ != "__main__":
    raise ImportError(f"{PROGRAM} is a command; allowed: python -m {PROGRAM}")

SEMANTICS = {
    "at-most-once": AT_MOST_ONCE, "at-least-once": AT_LEAST_ONCE,
    "exactly-once": EXACTLY_ONCE, "fifo": FIFO,
}  # fmt: skip
FIELDS_LISTED = [f"  {name:15}{field.means}: {field.allowed}" for name, field in FIELDS.items()]
WORDS_LISTED = [f"  {word:15}{means}" for word, means in WORDS.items()]
NEW_LINE = "\n"
EPILOG = f"""exit status: 0 if every verdict printed is ok, 1 if one is broken, 2 if one is
unknown or the input is wrong.

FILE has a line for each event, in the order in which they happened, with one JSON object:
{NEW_LINE.join(FIELDS_LISTED)}

The words of "what" that the log of a real system needs:
{NEW_LINE.join(WORDS_LISTED)}
"""


def main() -> int:
    """Print the verdicts and what they rest on; return the exit status."""
    given = _arguments()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # Descriptor 0 is standard input; "utf-8-sig" passes over a mark of the byte order.
        with open(0 if given.file == "-" else given.file, encoding="utf-8-sig") as log:
            found = audit(from_lines(log.read()))
    except UnicodeDecodeError as error:
        print(f"{PROGRAM}: {given.file}: {error}; allowed: UTF-8", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"{PROGRAM}: {given.file}: {error}", file=sys.stderr)
        return 2
    verdicts = {name: found.verdict(SEMANTICS[name]) for name in given.semantic or SEMANTICS}
    money = {"expected": found.money_expected, "there": found.money_there}
    if given.json:
        told = {"verdicts": verdicts, "found": found.report(empty=True), "money": money}
        print(json.dumps(told | {"faults": found.faults}, indent=2))
    else:
        rows = [*verdicts.items(), ("", "")]
        rows += [
            (name, f"{len(ids)}: {', '.join(ids)}") for name, ids in found.report().items()
        ]
        rows += [(f"money {name}", f"{amount:,}") for name, amount in money.items()]
        rows += [("faults", ", ".join(found.faults))]
        print("\n".join(f"{name:22}{value}".rstrip(" :") for name, value in rows))
    words = {verdict.split(":")[0] for verdict in verdicts.values()}
    return 1 if "broken" in words else 2 if "unknown" in words else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        f"python -m {PROGRAM}",
        description="Judge a run by its log: what was lost, repeated or out of order.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the log; - reads standard input")
    parser.add_argument(
        "--semantic", action="append", choices=SEMANTICS, help="the promise to ask about; can "
        "be given several times; without it all four",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    digits_max = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # an amount may have any number of them
    try:
        status = main()
        sys.stdout.flush()
    except OSError as error:  # whoever reads has gone, or the disk is full
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        with suppress(OSError):  # what it could not say
            sys.stdout.close()
        status = 2
    finally:
        sys.set_int_max_str_digits(digits_max)
    sys.exit(status)

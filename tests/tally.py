# SPDX-License-Identifier: MIT
"""What a run of the tests came to. Usage: tally.py testlog.json MESON_STATUS LABEL

testlog.json has one JSON object a line, one a suite. CUnit's tests count one by one; a suite without CUnit's summary counts as one, and as one more failure
when it ended early. "SKIP: reason" skips the suite when it leaves with 77, else the CUnit test in which it was printed. "skipped PART: reason" within a
test that went on is a note. The last line is what scripts read.
"""
import json
import re
import sys

LINES = 40  # shown of each failed test, or of what a suite said before it ended early


def parts(text):
    """CUnit's verbose output as (test, what it printed)."""
    blocks = re.split(r"^  Test: ", text.split("\nRun Summary:")[0], flags=re.M)[1:]
    return [block.partition(" ...")[::2] for block in blocks]


def count(suite, say):
    """(passed, failed, skipped) of one suite; says what is not a pass."""
    name, result = suite["name"].replace("ebb:", "", 1), suite["result"]
    out = suite.get("stdout", "")
    if result == "SKIP":
        reason = re.findall(r"SKIP: (.*)", out) or ["no reason given"]
        say(f"skipped: {name}: {reason[-1]}")
        return 0, 0, 1

    tests = parts(out)
    summary = re.search(r"^ +tests +\d+ +\d+ +(\d+) +(\d+)", out, re.M)
    skipped = 0
    for test, printed in tests:
        reason = re.search(r"SKIP: (.*)", printed)
        if reason and "FAILED" not in printed:
            say(f"skipped: {name}: {test}: {reason.group(1).removesuffix('passed').strip()}")
            skipped += 1
    notes = sorted(set(re.findall(r"skipped (.+?: .+?)(?: *passed| *\.\.\.| (?=skipped )|$)", out, re.M)))
    for note in notes:
        say(f"in part: {name}: {note}")

    good = result in ("OK", "EXPECTEDFAIL")
    if summary:
        passed, failed = int(summary[1]) - skipped, int(summary[2])
    else:
        passed, failed = sum(printed.rstrip().endswith("passed") for _, printed in tests) - skipped, 0
        if good and not tests:
            passed = 1
    if not good and failed == 0:
        failed = 1  # a crash, a time limit, a sanitizer's report at the end
    if not good:
        broken = [f"{test} ...{printed}" for test, printed in tests if "FAILED" in printed] or [out]
        how = f"exit status {suite.get('returncode')}" if result == "FAIL" else result.lower()
        say(f"FAILED: {name} ({how})")
        for text in broken + [suite.get("stderr", "")]:
            for line in text.splitlines()[-LINES:]:
                if line.strip():
                    say(f"    | {line}")
    return passed, failed, skipped


def main():
    log, status, label = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            suites = [json.loads(line) for line in file]
    except OSError:
        suites = []
    total = [0, 0, 0]
    print()
    for suite in suites:
        total = [a + b for a, b in zip(total, count(suite, print))]
    if not suites:
        print("no test ran")
    elif status != 0 and total[1] == 0:
        print(f"meson left with {status} although no suite failed")
        total[1] = 1
    passed, failed, skipped = total
    print(f"{label}{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed > 0 or passed == 0 else 0


sys.exit(main())

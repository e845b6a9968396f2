"""
``python -m tests.fuzz --cases N --seed S``: report what is wrong, and how to repeat it.
"""

import argparse
import gc
import resource
import sys
from collections import Counter

from tests.fuzz.requests import make_case
from tests.fuzz.running import Runner

_SHOWN = 10


def main() -> int:
    """
    Run the cases, and return the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="run only this one, and show it")
    options = parser.parse_args()
    runner = Runner()
    if options.case is not None:
        case = make_case(options.seed, options.case)
        print(case)
        print(*runner.run(case, options.case), sep="\n")
        return 0
    kinds: Counter[str] = Counter()
    objects = 0
    for number in range(options.cases):
        for problem in runner.run(make_case(options.seed, number), number):
            kind = problem.strip().splitlines()[-1].split(":")[0]
            kinds[kind] += 1
            if kinds[kind] <= _SHOWN:
                print(f"case {number}: {problem}", flush=True)
        # After the caches are full.
        if number == options.cases // 2:
            gc.collect()
            objects = len(gc.get_objects())
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(f"{options.cases} cases, {sum(kinds.values())} problems: {dict(kinds)}")
    print(f"answers: {dict(sorted(runner.answered.items()))}")
    print(f"slowest: {runner.slowest[0] * 1000:.1f} ms, case {runner.slowest[1]}")
    print(f"second half: {len(gc.get_objects()) - objects:+} objects, {grown / 1024:+.1f} MiB")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())

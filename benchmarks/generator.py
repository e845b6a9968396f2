"""
The load generator as a function: arguments in, figures out.
"""

import json
import subprocess
from typing import Any

from benchmarks import build
from benchmarks.process import Running
from benchmarks.results import Sample

__all__ = ["Output", "load", "problem_of", "read_output", "sample", "warm_up"]

# The generator's output: numbers and texts by name.
Output = dict[str, Any]


def read_output(stdout: str, stderr: str) -> Output:
    """
    Read the generator's JSON object, percentiles flattened to names such as `lat_us.p99`.

    Its standard error is kept under `said`; output that is not JSON gives `ok: false` and nothing
    else.
    """
    try:
        raw = json.loads(stdout)
    except ValueError:
        raw = {"ok": False}
    flat: Output = {"said": stderr.strip()}
    for name, value in raw.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{part}": number for part, number in value.items()})
        else:
            flat[name] = value
    return flat


def problem_of(output: Output) -> str:
    """
    Return why a run does not count, or "" if every event arrived exactly once and in order.
    """
    if output["ok"]:
        return ""
    counts = ("lost", "doubled", "gaps", "bad_tokens", "dead", "pub_errors")
    wrong = [f"{name} {output[name]}" for name in counts if output.get(name)]
    return "; ".join([*wrong, output["said"][-300:]]).strip("; ") or "it failed and did not say why"


def load(running: Running, *arguments: object) -> Output:
    """
    Run the generator against a server.

    Args:
        arguments: Its options, turned into strings.  If one is given twice, the last counts.
    Returns:
        The result of `read_output`.
    """
    server = running.server
    command = [str(build.generator()), "--port", str(server.port), "--path", server.path]
    command += [
        "--pids",
        ",".join(map(str, running.pids)),
        *server.publishing,
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return read_output(done.stdout, done.stderr)


def warm_up(running: Running) -> None:
    """
    Finish imports, first allocations and just-in-time compilation before measuring.
    """
    load(running, "-n", 10, "-e", 20)


def sample(running: Running, kind: str, output: Output, **more: float) -> Sample:
    """
    Make a sample of all numbers in *output* and *more*.
    """
    numbers = {k: v for k, v in output.items() if type(v) in (int, float)}
    others = float(numbers.pop("others_cores", 0.0))
    values = {**numbers, **more}
    return Sample(running.server.name, kind, values, others, problem=problem_of(output))

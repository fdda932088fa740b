"""Runs the networks in this project, in Brian2 and in NEST, one after the other, and prints how they compare.

A network is run here before and after the others, since machines are shared and change their speed. Every figure is
how many times faster than real time the network runs, the median of some stretches of model time; building and
compiling it is not counted. The firing rate is printed because a network that fires less has less to do.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).parent
ROUNDS = 5

# Network: model time of a stretch, ms.
NETWORKS = {
    "cuba-4000": 2_000,
    "cuba-100000": 200,
    "brunel": 500,
    "plastic-0.1ms": 300,
    "plastic-1ms": 1_000,
}


def ours(network):
    """Who of ours runs it, how fast, at which rate."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = ["cargo", "bench", "--quiet", "-p", "neuronbus-benches", "--"]
        command += ["--json", file.name, f"networks/{network}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (comparison,) = json.load(file)["comparisons"]
    return {
        line["contestant"]: (line["median"], dict(line["beside"])["rate, Hz"])
        for line in comparison["lines"]
        if line["side"] == "ours"
    }


def other(options, program, network, *arguments):
    """Speed and rate of a network in another simulator, or None and why not."""
    model_ms = min(NETWORKS[network], options.model_ms)
    command = [sys.executable, FOLDER / program, network, str(model_ms), str(options.rounds), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.minutes * 60)
    except subprocess.TimeoutExpired:
        return None, f"it had not finished after {options.minutes:g} minutes"
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no message"])[-1]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    speeds = [model_ms / 1000 / seconds for seconds in result["seconds"]]
    return (statistics.median(speeds), result["rate_hz"]), None


def compare(options, network):
    """All rows of one network: simulator, times real time, rate, and the ratio of ours to it."""
    before = {} if options.others_only else ours(network)
    others, failures = {}, []
    for name, program, arguments in [
        ("Brian2 2.9.0, C++ standalone, 1 thread", "in_brian.py", []),
        ("NEST 3.10.0, 1 thread", "in_nest.py", ["1"]),
        ("NEST 3.10.0, 2 threads", "in_nest.py", ["2"]),
    ]:
        figures, failure = other(options, program, network, *arguments)
        if figures is None:
            failures.append(f"{name} did not run {network}: {failure}")
        else:
            others[name] = figures
    after = {} if options.others_only else ours(network)
    mine = {name: (statistics.mean([before[name][0], after[name][0]]), after[name][1]) for name in before}
    reference = next(iter(mine.values()), (float("nan"), 0.0))[0]
    rows = [
        {"network": network, "who": who, "ours": who in mine, "times_real_time": speed, "rate_hz": rate}
        for who, (speed, rate) in [*mine.items(), *others.items()]
    ]
    for row in rows:
        row["ours_over_it"] = reference / row["times_real_time"]
    return rows, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--model-ms", type=int, default=10**9, help="at most so much model time a stretch, for the others")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="stretches, of which the median counts")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which one that runs is given up")
    parser.add_argument("--others-only", action="store_true", help="without this project, which takes a release build")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    unknown = set(options.networks) - set(NETWORKS)
    if unknown:
        parser.error(f"no network is called {', '.join(sorted(unknown))}: there are {', '.join(NETWORKS)}")
    everything, failures = [], []
    print("| network | simulator | x real time | rate, Hz | ours / it |\n| --- | --- | --- | --- | --- |")
    for network in options.networks or NETWORKS:
        rows, failed = compare(options, network)
        for row in rows:
            figures = f"{row['times_real_time']:.3g} | {row['rate_hz']:.1f} | {row['ours_over_it']:.2f}"
            print(f"| {network} | {'this, ' if row['ours'] else ''}{row['who']} | {figures} |", flush=True)
        everything += rows
        failures += failed
    if importlib.util.find_spec("pygenn") is None:
        failures.append("GeNN did not run: pip has no pygenn for this platform")
    for failure in failures:
        print(f"\nSKIPPED: {failure}")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2) + "\n")


if __name__ == "__main__":
    main()

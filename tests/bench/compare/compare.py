#!/usr/bin/env python3
"""metac beside PyTorch, in one run: each workload on both sides, taken in turn, medians and ratios.

    tests/bench/compare/compare.py [--build build/release] [--workloads W1,W2] [--rounds 5] [--seconds 1] [--json FILE]

Ratios are times of the other side divided by ours: above 1 metac is faster. Every contestant is a process (or two of one thread each) that is started before its workload is timed. A round gives each of
them `--seconds` in turn, so a machine that slows down slows them all; a contestant's figure is the median over the rounds.
Needs `ninja compare_metac compare_by_hand metac` in the build folder, and Debian's python3-torch for the other side (without it only metac is timed).
"""
import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..", "..")
PYTHON = "/usr/bin/python3"  # the one that Debian's torch belongs to
TITLES = {
    "W1": "sine waves, MAML order 2, 25 tasks, 1 step",
    "W1b": "the same, 5 steps",
    "W2": "images, MAML order 2, conv4-64, 32 tasks of 5 ways, 1 step",
    "W2b": "the same, 15 queries a class, 4 tasks",
    "W2c": "the same as W2, 4 tasks, 5 steps",
    "W3": "prototypical network, 20-way 5-shot 5-query",
    "W3b": "prototypical network, 60-way 1-shot 5-query",
    "W4": "EWC, 784-256-256-10, an epoch of 60,000",
    "W4plain": "the same without the penalty",
    "W4fisher": "diagonal Fisher of 1,000 examples",
    "W5hvp": "tanh 64-64, 10 points: Hessian-vector product",
    "W5third": "the same, third derivative along two vectors",
    "W5hvp64": "tanh 64-64, 64 points: Hessian-vector product",
    "W5third64": "the same, third derivative along two vectors",
    "W5six": "tanh 64-64: derivatives 1 to 6 of one number",
}
TORCH_VARIANTS = {
    **dict.fromkeys(["W1", "W1b", "W2", "W2b", "W2c"], ["loop", "clone", "vmap", "traced"]),
    **dict.fromkeys(["W3", "W3b"], ["loop", "channels_last"]),
    **dict.fromkeys(["W4", "W4plain"], ["loop"]),
    "W4fisher": ["loop", "vmap", "formula"],
    **dict.fromkeys(["W5hvp", "W5third", "W5hvp64", "W5third64", "W5six"], ["loop", "vmap", "traced"]),
}
BY_HAND = {"W1": "1", "W1b": "5"}  # steps
WAYS_TO_RUN = [("1 thread", 1, 1), ("2 threads", 2, 1), ("2 processes", 1, 2)]  # name, threads, processes
START_LIMIT = 600  # seconds until a contestant has made its first step


def environment(threads):
    # Threads that wait asleep do not slow down the contestant whose turn it is.
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}


class Contestant:
    def __init__(self, name, command, threads, processes):
        self.name, self.steps, self.rates, self.memory = name, [], [], 0.0
        self.workers = [subprocess.Popen(command + ["--threads", str(threads)], env=environment(threads), text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                        for _ in range(processes)]

    def wait_until_ready(self):
        for worker in self.workers:
            ready, _, _ = select.select([worker.stdout], [], [], START_LIMIT)
            line = worker.stdout.readline() if ready else ""
            if line.strip() != "ready":
                self.stop()
                raise RuntimeError(f"{self.name} did not start: {worker.stderr.read()[-500:]}")

    def take_turn(self, seconds):
        for worker in self.workers:
            worker.stdin.write(f"{seconds}\n")
            worker.stdin.flush()
        figures = [tuple(map(float, worker.stdout.readline().split())) for worker in self.workers]
        self.steps.append(statistics.median(step for step, _ in figures))
        self.rates.append(sum(rate for _, rate in figures))

    # Milliseconds a step, all processes together: what the work costs when there is plenty of it.
    def milliseconds(self):
        return 1e3 / statistics.median(self.rates) if len(self.workers) > 1 else statistics.median(self.steps)

    def stop(self):
        for worker in self.workers:
            try:
                with open(f"/proc/{worker.pid}/status") as status:
                    self.memory += next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
            except (OSError, StopIteration):
                pass
            worker.kill()
            worker.wait()


def contestants(workload, build, torch):
    found = []
    for way, threads, processes in WAYS_TO_RUN:
        found.append(Contestant(f"metac, {way}", [os.path.join(build, "tests", "compare_metac"), workload], threads, processes))
        for variant in TORCH_VARIANTS[workload] if torch else []:
            command = [PYTHON, os.path.join(HERE, "torch_workloads.py"), workload, variant]
            found.append(Contestant(f"torch {variant}, {way}", command, threads, processes))
    if workload in BY_HAND:
        program = os.path.join(build, "tests", "compare_by_hand")
        found += [Contestant(f"hand, {way}", [program, BY_HAND[workload]], threads, processes)
                  for way, threads, processes in WAYS_TO_RUN if threads == 1]
    return found


def run(workload, options, torch):
    entrants = contestants(workload, options.build, torch)
    ready = []
    for one in entrants:
        try:
            one.wait_until_ready()
            ready.append(one)
        except RuntimeError as error:
            print(f"  {error}", file=sys.stderr)
    for turn in range(options.rounds):
        for one in ready if turn % 2 == 0 else reversed(ready):
            one.take_turn(options.seconds)
    for one in ready:
        one.stop()
    return {one.name: {"ms": one.milliseconds(), "rounds_ms": one.steps, "memory_mib": one.memory} for one in ready}


# ---- from the start of a process to the end of its first step of W1 ----

def first_step(command, sign):
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, env=environment(1))
        text = b""
        while sign not in text:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                errors.seek(0)
                raise RuntimeError(f"{command[0]} ended early: {errors.read()[-500:].decode()}")
            text += part
        seconds = time.perf_counter() - start
        with open(f"/proc/{process.pid}/status") as status:
            peak = next((int(line.split()[1]) for line in status if line.startswith("VmHWM")), 0) / 1024
        process.kill()
        process.wait()
        process.stdout.close()
    return seconds * 1e3, peak


def libtorch_program(folder):
    """Compiles the C++ counterpart, where Debian's libtorch-dev is installed."""
    program = os.path.join(folder, "libtorch_start")
    include = "/usr/include/torch/csrc/api/include"
    if not os.path.isdir(include):
        return None
    built = subprocess.run(["g++", "-std=c++17", "-O2", "-I", include, os.path.join(HERE, "libtorch_start.cpp"), "-o", program,
                            "-ltorch", "-ltorch_cpu", "-lc10"], capture_output=True, text=True)
    if built.returncode != 0:
        print(built.stderr[-1000:], file=sys.stderr)
        return None
    return program


def run_start(options, torch):
    script = os.path.join(TOP, "examples", "sinusoid_maml.meta")
    with tempfile.TemporaryDirectory() as folder:
        commands = {"metac": ([os.path.join(options.build, "metac"), "run", script, "--set", "iterations=1", "--threads", "1",
                               "--json"], b'"progress"')}
        if torch:
            commands["torch loop"] = ([PYTHON, os.path.join(HERE, "torch_workloads.py"), "W1", "loop"], b"ready")
        libtorch = libtorch_program(folder)
        if libtorch:
            commands["libtorch"] = ([libtorch], b"ready")
        figures = {name: [] for name in commands}
        for _ in range(max(options.rounds, 7)):
            for name, (command, sign) in commands.items():
                figures[name].append(first_step(command, sign))
    return {name: {"ms": statistics.median(ms for ms, _ in of), "memory_mib": statistics.median(m for _, m in of)}
            for name, of in figures.items()}


# ---- what is shown ----

def best(results, prefix):
    names = [name for name in results if name.startswith(prefix)]
    return min(names, key=lambda name: results[name]["ms"]) if names else None


def show(workload, results):
    ours, theirs, cloned = best(results, "metac"), best(results, "torch"), best(results, "torch clone")
    row = f"{workload:<9} {results[ours]['ms']:>10.3f} ms  {ours[7:]:<12}"
    if theirs:
        row += f" {results[theirs]['ms']:>10.3f} ms  {theirs[6:]:<26} {results[theirs]['ms'] / results[ours]['ms']:>7.1f}x"
        if cloned:
            row += f" {results[cloned]['ms'] / results[ours]['ms']:>7.1f}x"
        row += f"   {results[ours]['memory_mib']:.0f} / {results[theirs]['memory_mib']:.0f} MiB"
    hand = best(results, "hand")
    if hand:
        row += f"   by hand {results[hand]['ms']:.3f} ms, {hand[6:]}: {results[hand]['ms'] / results[ours]['ms']:.2f}x"
    print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(TOP, "build", "release"))
    parser.add_argument("--workloads", default=",".join([*TITLES, "W6"]))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", help="a file for all figures")
    options = parser.parse_args()
    chosen = options.workloads.split(",")
    unknown = [name for name in chosen if name not in TITLES and name != "W6"]
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}; there are {', '.join([*TITLES, 'W6'])}")
    if not os.path.exists(os.path.join(options.build, "tests", "compare_metac")):
        parser.error(f"there is no compare_metac in {options.build}: build it with `ninja -C {options.build} compare_metac compare_by_hand metac`")
    torch = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode == 0
    if not torch:
        print("python3-torch is not installed: only metac is timed", file=sys.stderr)

    print(f"{'':<9} {'metac':>13}  {'':<12} {'best PyTorch':>13}  {'':<26} {'ratio':>8} {'clone':>8}   peak memory")
    everything = {}
    for workload in chosen:
        if workload == "W6":
            everything[workload] = run_start(options, torch)
            for name, figure in everything[workload].items():
                print(f"W6        {figure['ms']:>10.1f} ms  start to the end of the first step of W1, {name}, "
                      f"{figure['memory_mib']:.0f} MiB", flush=True)
        else:
            everything[workload] = run(workload, options, torch)
            show(workload, everything[workload])
    if options.json:
        with open(options.json, "w") as file:
            json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()

"""One network in NEST: prints the seconds of each stretch and the rate of the excitatory cells."""

import json
import sys
import time

import nest
import numpy as np


def between(cells, low, high):
    """Potentials to start from."""
    cells.V_m = np.random.default_rng(1).uniform(low, high, len(cells))


def connect(source, target, probability, synapse):
    """Each pair with a probability."""
    nest.Connect(source, target, {"rule": "pairwise_bernoulli", "p": probability}, synapse)


def cuba(cells):
    """Vogels and Abbott (2005): exponential currents, 80 inputs a cell. At 20 pF a pA is a mV of the paper."""
    parameters = {
        "C_m": 20.0, "tau_m": 20.0, "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0,
        "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "I_e": 0.0,
    }
    group = nest.Create("iaf_psc_exp", cells, parameters)
    between(group, -60.0, -50.0)
    excitatory, inhibitory = group[: cells * 4 // 5], group[cells * 4 // 5 :]
    connect(excitatory, group, 80 / cells, {"weight": 1.62, "delay": 0.8})
    connect(inhibitory, group, 80 / cells, {"weight": -9.0, "delay": 0.8})
    return excitatory


def delta(cells, reset):
    """Leaky cells with delta synapses; a weight is a mV."""
    parameters = {
        "C_m": 1.0, "tau_m": 20.0, "E_L": 0.0, "V_th": 20.0, "V_reset": reset, "t_ref": 2.0, "I_e": 0.0, "V_m": 0.0,
    }
    group = nest.Create("iaf_psc_delta", cells, parameters)
    between(group, 0.0, 20.0)
    return group


def brunel():
    """Brunel (2000): g 5, eta 2, 12,500 cells, in-degree 1,250."""
    group = delta(12_500, 10.0)
    noise = nest.Create("poisson_generator", {"rate": 20_000.0})
    nest.Connect(noise, group, syn_spec={"weight": 0.1, "delay": 1.5})
    excitatory, inhibitory = group[:10_000], group[10_000:]
    connect(excitatory, group, 0.1, {"weight": 0.1, "delay": 1.5})
    connect(inhibitory, group, 0.1, {"weight": -0.5, "delay": 1.5})
    return excitatory


def plastic():
    """10,000 cells with 100 synapses each that learn by pair STDP, all to all, additive."""
    group = delta(10_000, 0.0)
    group.tau_minus = 20.0
    noise = nest.Create("poisson_generator", {"rate": 800.0})
    nest.Connect(noise, group, syn_spec={"weight": 1.0, "delay": 1.0})
    rule = {
        "synapse_model": "stdp_synapse", "weight": 0.1, "delay": 1.0, "Wmax": 0.2, "lambda": 0.01, "alpha": 1.2,
        "mu_plus": 0.0, "mu_minus": 0.0, "tau_plus": 20.0,
    }
    connect(group, group, 0.01, rule)
    return group


NETWORKS = {
    "cuba-4000": (0.1, lambda: cuba(4_000)),
    "cuba-100000": (0.1, lambda: cuba(100_000)),
    "brunel": (0.1, brunel),
    "plastic-0.1ms": (0.1, plastic),
    "plastic-1ms": (1.0, plastic),
}


def main():
    name, model_ms, rounds, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    tick, build = NETWORKS[name]
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = tick
    nest.local_num_threads = threads
    watched = build()
    recorder = nest.Create("spike_recorder", {"record_to": "memory"})
    nest.Connect(watched, recorder)
    # The network finds its rate.
    nest.Simulate(float(max(1, int(model_ms) // 4)))
    before = recorder.n_events
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        nest.Simulate(model_ms)
        seconds.append(time.perf_counter() - began)
    rate = (recorder.n_events - before) / len(watched) / (rounds * model_ms / 1000)
    print(json.dumps({"seconds": seconds, "rate_hz": rate}))


if __name__ == "__main__":
    main()

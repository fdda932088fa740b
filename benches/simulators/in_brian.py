"""One network in Brian2, compiled to C++: prints the seconds of each stretch and the rate of the excitatory cells."""

import json
import sys
import tempfile

import brian2 as b
from brian2 import Hz, defaultclock, ms, mV


def cuba(cells):
    """Vogels and Abbott (2005): exponential currents, 80 inputs a cell."""
    defaultclock.dt = 0.1 * ms
    equations = """
        dv/dt = (ge + gi - (v + 49*mV)) / (20*ms) : volt (unless refractory)
        dge/dt = -ge / (5*ms) : volt
        dgi/dt = -gi / (10*ms) : volt
    """
    group = b.NeuronGroup(
        cells, equations, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method="exact"
    )
    group.v = "-60*mV + rand() * 10*mV"
    excitatory, inhibitory = group[: cells * 4 // 5], group[cells * 4 // 5 :]
    from_e = b.Synapses(excitatory, group, on_pre="ge += 1.62*mV", delay=0.8 * ms)
    from_i = b.Synapses(inhibitory, group, on_pre="gi -= 9*mV", delay=0.8 * ms)
    for synapses in (from_e, from_i):
        synapses.connect(p=80 / cells)
    return b.Network(group, from_e, from_i), excitatory


def brunel():
    """Brunel (2000): g 5, eta 2, 12,500 cells, in-degree 1,250."""
    defaultclock.dt = 0.1 * ms
    group = b.NeuronGroup(
        12_500, "dv/dt = -v / (20*ms) : volt (unless refractory)",
        threshold="v > 20*mV", reset="v = 10*mV", refractory=2 * ms, method="exact",
    )
    group.v = "rand() * 20*mV"
    excitatory, inhibitory = group[:10_000], group[10_000:]
    noise = b.PoissonInput(group, "v", N=1_000, rate=20 * Hz, weight=0.1 * mV)
    from_e = b.Synapses(excitatory, group, on_pre="v += 0.1*mV", delay=1.5 * ms)
    from_i = b.Synapses(inhibitory, group, on_pre="v -= 0.5*mV", delay=1.5 * ms)
    for synapses in (from_e, from_i):
        synapses.connect(p=0.1)
    return b.Network(group, noise, from_e, from_i), excitatory


def plastic(tick):
    """10,000 cells with 100 synapses each that learn by pair STDP, all to all, additive."""
    defaultclock.dt = tick
    group = b.NeuronGroup(
        10_000, "dv/dt = -v / (20*ms) : 1 (unless refractory)",
        threshold="v > 20", reset="v = 0", refractory=2 * ms, method="exact",
    )
    group.v = "rand() * 20"
    noise = b.PoissonInput(group, "v", N=1, rate=800 * Hz, weight=1)
    synapses = b.Synapses(
        group, group,
        """w : 1
           dpre/dt = -pre / (20*ms) : 1 (event-driven)
           dpost/dt = -post / (20*ms) : 1 (event-driven)""",
        on_pre="v_post += w; pre += 0.002; w = clip(w + post, 0, 0.2)",
        on_post="post -= 0.0024; w = clip(w + pre, 0, 0.2)",
        delay=1 * ms,
    )
    synapses.connect(p=0.01)
    synapses.w = 0.1
    return b.Network(group, noise, synapses), group


NETWORKS = {
    "cuba-4000": lambda: cuba(4_000),
    "cuba-100000": lambda: cuba(100_000),
    "brunel": brunel,
    "plastic-0.1ms": lambda: plastic(0.1 * ms),
    "plastic-1ms": lambda: plastic(1 * ms),
}


def main():
    name, model_ms, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.seed(1)
        network, watched = NETWORKS[name]()
        spikes = b.SpikeMonitor(watched, record=False)
        network.add(spikes)
        network.run(model_ms * ms)
        b.device.build(directory=folder, compile=True, run=False)
        seconds = []
        for _ in range(rounds):
            b.device.run(folder, with_output=False, run_args=[])
            seconds.append(float(b.device._last_run_time))
        rate = spikes.num_spikes / len(watched) / (model_ms / 1000)
    print(json.dumps({"seconds": seconds, "rate_hz": float(rate)}))


if __name__ == "__main__":
    main()

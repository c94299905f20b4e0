"""JAX: a `lax.scan` over time steps of many neurons, compiled for the processor.

The number of events in a step is the inverse of the Poisson distribution at one uniform number: many
times faster than jax.random.poisson, which loops.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import math
import time
from functools import cache

from serve import serve  # isort: split

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
N, STEPS = 4096, 1000


def poisson_steps(mean):
    """Return the cumulative distribution up to where what is left is never drawn."""
    steps, term = [], math.exp(-mean)
    total, k = term, 0
    while 1.0 - total > 1e-12 and k < 40:
        steps.append(total)
        k += 1
        term *= mean / k
        total += term
    return steps


@cache
def scan(precision, fe, fi, cell, exc, inh, n_e, n_i, dt):
    """Compile the loop; return (loop, first state)."""
    c, exc, inh = dict(cell), dict(exc), dict(inh)
    kind = jnp.dtype(precision)
    bounds = [poisson_steps(rate * n * dt * 1e-3) for rate, n in ((fe, n_e), (fi, n_i))]
    weights, reversal = (exc["weight"], inh["weight"]), (exc["E_rev"], inh["E_rev"])
    decay = [math.exp(-dt / syn["tau_syn"]) for syn in (exc, inh)]
    hold = round(c["t_ref"] / dt)

    def step(state, _):
        v, w, held, ge, gi, spikes, key = state
        key, now = jax.random.split(key)
        # without the barrier XLA draws again for every comparison: up to three times slower
        u = jax.lax.optimization_barrier(jax.random.uniform(now, (2, N), kind))
        kicks = [sum((u[i] > bound).astype(kind) for bound in bounds[i]) for i in (0, 1)]
        ge = ge * decay[0] + weights[0] * kicks[0]
        gi = gi * decay[1] + weights[1] * kicks[1]
        w = w + dt / c["tau_w"] * (c["a"] * (v - c["E_L"]) - w)
        upstroke = c["g_L"] * c["Delta_T"] * jnp.exp((v - c["V_th"]) / c["Delta_T"])
        current = ge * (reversal[0] - v) + gi * (reversal[1] - v)
        dv = dt / c["C_m"] * (current + upstroke - w + c["g_L"] * (c["E_L"] - v))
        v = v + jnp.where(held <= 0, dv, 0)
        spiked = v > c["V_cut"]
        v = jnp.where(spiked, c["V_reset"], v)
        w = jnp.where(spiked, w + c["b"], w)
        held = jnp.where(spiked, hold, held - 1)
        return (v, w, held, ge, gi, spikes + spiked, key), None

    loop = jax.jit(lambda state: jax.lax.scan(step, state, None, STEPS)[0])
    zeros = jnp.zeros(N, kind)
    count = jnp.zeros(N, jnp.int32)
    first = (jnp.full(N, c["E_L"], kind), zeros, count, zeros, zeros, count, jax.random.key(0))
    return loop, first


def measure(fe, fi, cell, exc, inh, n_e, n_i, dt, precision="float64"):
    """Advance all neurons; the clock counts the time of all of XLA's threads."""
    frozen = (tuple(sorted(part.items())) for part in (cell, exc, inh))
    loop, first = scan(precision, fe, fi, *frozen, n_e, n_i, dt)
    loop(first)[0].block_until_ready()
    began = time.process_time()
    spikes = loop(first)[5].block_until_ready()
    seconds = time.process_time() - began
    return {
        "seconds": seconds,
        "neuron_steps": N * STEPS,
        "rate": float(spikes.mean() / (STEPS * dt * 1e-3)),
    }


serve(measure, {"name": f"JAX {jax.__version__} lax.scan, {N} neurons"})

"""The compiled derivative of rate networks (`system`), `lanes` of them per vector loop.

One long function: its parts are closures over the number of lanes, which is then a constant to LLVM.
"""

from functools import cache
from typing import Any

from spikesweep.kernels.compile.jit import kept
from spikesweep.kernels.rates.system import CURRENT, SYNAPSES


@cache
def derivative_for(lanes: int) -> Any:
    """Return the compiled derivative of `lanes` networks.

    It writes the time derivative of `y` (per ms) to `dy` and the current into each cell (nA) to `total`;
    `drive` holds one row a postsynaptic cell of every link, and keeps those that are constant unless
    `fresh`; `scratch` is overwritten. Where they can, loops run over all rows and lanes at once: LLVM checks
    at their start that no arrays overlap, which is dear for one row.
    """
    L = lanes

    def sized(function: Any) -> Any:
        return kept(function, f"{lanes} lanes")

    @sized
    def fire(v, total, rates, n, c):
        """Write the rates, and no current yet."""
        v_th, span, slope = c[3 * n :], c[4 * n :], c[5 * n :]
        for k in range(n):
            x = v[k] - v_th[k]
            x = 0.0 if x < 0.0 else x
            x = span[k] if x > span[k] else x
            rates[k] = slope[k] * x
            total[k] = 0.0

    @sized
    def weigh(drive, weights, x, n_post, n_pre):
        """Write sum_j w_ij x_j to `drive`."""
        for k in range(n_post * L):
            drive[k] = 0.0
        for j in range(n_pre):
            for i in range(n_post):
                for lane in range(L):
                    drive[i * L + lane] += weights[(j * n_post + i) * L + lane] * x[j * L + lane]

    @sized
    def follow_each(current, change, v, total, rates, weights, n_post, n_pre, c, m, pre_index):
        """Advance a filtered current a synapse."""
        for j in range(n_pre):
            for i in range(n_post):
                for lane in range(L):
                    k = (j * n_post + i) * L + lane
                    force = c[3 * m + lane] - v[(j if pre_index else i) * L + lane]
                    target = c[lane] * weights[k] * rates[j * L + lane] * force
                    change[k] = (target - current[k]) * c[m + lane]
                    total[i * L + lane] += current[k]

    @sized
    def follow(current, change, v, total, drive, n, c, m, pre_index):
        """Advance a filtered current a cell; with `pre_index` the driving force is in `drive`."""
        per_tau, e_rev = c[m:], c[3 * m :]
        for k in range(n):
            force = 1.0 if pre_index else e_rev[k] - v[k]
            change[k] = (c[k] * drive[k] * force - current[k]) * per_tau[k]
            total[k] += current[k]

    @sized
    def rise_and_decay(s, change, rates, n, c, m):
        """Advance the filtered rates of a saturating conductance."""
        per_tau, per_rise = c[m:], c[2 * m :]
        for k in range(n):
            up = rates[k] - s[k]
            up = 0.0 if up < 0.0 else up
            change[k] = up * per_rise[k] - s[k] * per_tau[k]

    @sized
    def push(v, total, drive, n, c, m):
        """Add the current of a conductance."""
        e_rev = c[3 * m :]
        for k in range(n):
            total[k] += c[k] * drive[k] * (e_rev[k] - v[k])

    @sized
    def integrate(v, change, total, n, c):
        per_tau, r_in = c[n:], c[2 * n :]
        for k in range(n):
            change[k] = (c[k] - v[k] + r_in[k] * total[k]) * per_tau[k]

    @sized
    def derivative(
        y, dy, total, drive, scratch, rates, n_cells, table, cell_values, link_values, weights, fresh
    ):
        fire(y, total, rates, n_cells * L, cell_values)
        d = 0
        for k in range(table.shape[0]):
            form, post, n_post, pre, n_pre = table[k, 0], table[k, 1], table[k, 2], table[k, 3], table[k, 4]
            own, change = y[table[k, 5] * L :], dy[table[k, 5] * L :]
            w, constant, pre_index = weights[table[k, 6] * L :], table[k, 7] == 1, table[k, 8] == 1
            v, into, a, out = y[post * L :], total[post * L :], rates[pre * L :], drive[d * L :]
            c, m = link_values[table[k, 9] * L :], table[k, 10] * L
            if form == SYNAPSES:
                follow_each(own, change, v, into, a, w, n_post, n_pre, c, m, pre_index)
            elif form == CURRENT:
                if pre_index:
                    for i in range(n_pre * L):
                        scratch[i] = a[i] * (c[3 * m + i] - v[i])
                    weigh(out, w, scratch, n_post, n_pre)
                elif fresh or not constant:
                    weigh(out, w, a, n_post, n_pre)
                follow(own, change, v, into, out, n_post * L, c, m, pre_index)
            else:
                rise_and_decay(own, change, a, n_pre * L, c, m)
                weigh(out, w, own, n_post, n_pre)
                push(v, into, out, n_post * L, c, m)
            d += n_post
        integrate(y, dy, total, n_cells * L, cell_values)

    return derivative

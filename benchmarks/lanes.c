/* The ceiling: AdExp under two Poisson conductances, written by hand for one compiler and one model.

   The same layout as the generic driver: LANES cells side by side, the inputs of BLOCK steps first, then
   a loop over steps whose inner loop over lanes becomes vector code. Events by the library's log and a
   scalar generator (splitmix64), one lane after the other. exp is the driver's, without branches. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 32
#define BLOCK 192

typedef struct {
    double dt_per_C_m, dt_per_tau_w, g_L, g_Delta, per_Delta_T, E_L, V_th, V_cut, V_reset, V_hold, a, b, hold;
    double decay[2], weight[2], E_rev[2];
} Parameters;

typedef struct {
    double v[LANES], w[LANES], t_spike[LANES], g[2][LANES], spikes[LANES];
    double next_event[2][LANES];
    uint64_t generator[LANES];
} State;

static inline double exp_(double x)
{
    double z = x < -707.0 ? -707.0 : x;
    z = z > 709.782712893384 ? 709.782712893384 : z;
    double shifted = z * 1.44269504088896338700 + 6755399441055744.0;
    double k = shifted - 6755399441055744.0;
    double r = (z - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    double r2 = r * r, r4 = r2 * r2;
    double low = (0.5 + 0.1666666666666667 * r) + r2 * (0.04166666666666667 + 0.008333333333326112 * r);
    double mid = (0.001388888888888373 + 0.0001984126987490126 * r)
               + r2 * (2.4801587325605324e-05 + 2.7557255297969643e-06 * r);
    double high = (2.755727357010214e-07 + 2.5105259538448494e-08 * r) + r2 * 2.0914717341716378e-09;
    double y = 1.0 + (r + r2 * (low + r4 * (mid + r4 * high)));
    uint64_t power, bits;
    memcpy(&power, &shifted, 8);
    memcpy(&bits, &y, 8);
    bits += power << 52;
    memcpy(&y, &bits, 8);
    y = x > 709.782712893384 ? INFINITY : y;
    return x < -707.0 ? 0.0 : y;
}

static inline double uniform(uint64_t *s)
{
    uint64_t z = (*s += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((double)((z ^ (z >> 31)) >> 12) + 0.5) * 0x1p-52;
}

static void fill(double *restrict inputs, State *restrict x, const double *interval, int n, double first)
{
    memset(inputs, 0, sizeof(double) * n * 2 * LANES);
    for (int k = 0; k < 2; k++)
        for (int l = 0; l < LANES; l++) {
            double t = x->next_event[k][l];
            while (t <= first + n - 1) {
                inputs[((int)ceil(t - first) * 2 + k) * LANES + l] += 1.0;
                t -= log(uniform(&x->generator[l])) * interval[k];
            }
            x->next_event[k][l] = t;
        }
}

static void advance(State *restrict x, const double *restrict inputs, const Parameters *restrict c, int n,
                    double first)
{
    for (int s = 0; s < n; s++) {
        double t = first + s;
        for (int l = 0; l < LANES; l++) {
            double v = x->v[l];
            double g0 = x->g[0][l] * c->decay[0] + c->weight[0] * inputs[(s * 2) * LANES + l];
            double g1 = x->g[1][l] * c->decay[1] + c->weight[1] * inputs[(s * 2 + 1) * LANES + l];
            double w = x->w[l] + c->dt_per_tau_w * (c->a * (v - c->E_L) - x->w[l]);
            double upstroke = c->g_Delta * exp_((v - c->V_th) * c->per_Delta_T);
            double current = g0 * (c->E_rev[0] - v) + g1 * (c->E_rev[1] - v);
            double dv = c->dt_per_C_m * (current + upstroke - w + c->g_L * (c->E_L - v));
            double u = t - x->t_spike[l] > c->hold ? v + dv : c->V_hold;
            double spiked = u > c->V_cut ? 1.0 : 0.0;
            x->v[l] = u > c->V_cut ? c->V_reset : u;
            x->w[l] = w + c->b * spiked;
            x->t_spike[l] = u > c->V_cut ? t + 1.0 : x->t_spike[l];
            x->g[0][l] = g0;
            x->g[1][l] = g1;
            x->spikes[l] += spiked;
        }
    }
}

/* Return the spikes of LANES cells; interval: mean steps between events of each input, no events if 0. */
double simulate(const Parameters *parameters, const double *interval, uint64_t seed, int64_t n_steps)
{
    /* aligned to a cache line: elsewhere the loop takes twice as long on some processors */
    static _Thread_local _Alignas(64) double inputs[BLOCK * 2 * LANES];
    _Alignas(64) State x;
    Parameters c = *parameters;
    memset(&x, 0, sizeof x);
    memset(inputs, 0, sizeof inputs);
    for (int l = 0; l < LANES; l++) {
        x.v[l] = c.E_L;
        x.t_spike[l] = -INFINITY;
        x.generator[l] = (seed * LANES + l) * 0xD1342543DE82EF95u;
        for (int k = 0; k < 2; k++)
            x.next_event[k][l] = -log(uniform(&x.generator[l])) * interval[k];
    }
    for (int64_t start = 0; start < n_steps; start += BLOCK) {
        int n = n_steps - start < BLOCK ? (int)(n_steps - start) : BLOCK;
        if (interval[0] > 0.0)
            fill(inputs, &x, interval, n, (double)start);
        advance(&x, inputs, &c, n, (double)start);
    }
    double total = 0.0;
    for (int l = 0; l < LANES; l++)
        total += x.spikes[l];
    return total;
}

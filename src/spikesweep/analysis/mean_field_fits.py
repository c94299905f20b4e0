"""Transfer functions of RS and FS cells (neuron=adexp) on CONFIG1 (network=fs_rs), by name.

`spikesweep`: our own fit with corrected moments, as `python -m spikesweep fit neuron=adexp network=fs_rs
network.populations=[RS,FS]` prints it: the adaptive scan with 4 seeds of 10 s; rmse 0.24 and 0.37 Hz.
`zerlaut2018`: as published (Zerlaut et al. 2018, doi:10.1007/s10827-017-0668-2; yzerlaut/JCNS_2018,
*_fit.npy). They belong to the moments as that code computes them, where inhibition fluctuates next to nothing
(semi_analytical): the mean field's RS rates are then 33 to 93 % above those of the network itself.
"""

from typing import NamedTuple

from spikesweep.analysis.semi_analytical import Form
from spikesweep.units import mV


class Fit(NamedTuple):
    """Coefficients of an excitatory and an inhibitory population, in the order of semi_analytical.TERMS."""

    form: Form  #: moments that they belong to
    exc: tuple[mV, ...]
    inh: tuple[mV, ...]


FITS = {
    "spikesweep": Fit(
        "corrected",
        (
            *(-48.2372132513968, 4.36523272127549, -0.73328129182339, -2.59451611883965),
            *(-0.928424903410919, 0.709512922235048, 10.3851596207679, -7.10217443345921),
            *(1.36446134747153, 1.35878511313177, 5.06435563431458),
        ),
        (
            *(-50.0273325876092, 2.3924881654222, -3.48712639765114, -2.52798337781857),
            *(-0.909804236686133, 0.553215073519066, 6.21266259541966, -6.07304607979069),
            *(-0.155736176695552, 0.301370505116025, -0.33501917530845),
        ),
    ),
    "zerlaut2018": Fit(
        "zerlaut2018",
        (
            *(-51.4155819161683, 6.11046068638797, 7.44015475792312, 0.0576905433608909),
            *(-0.152902668321389, 0.563364409823727, 0.272814524706273, 0.527870900725342),
            *(-0.677080411241212, 0.489796440297366, 1.15073957567065),
        ),
        (
            *(-54.6160663847266, 4.58415749828607, -1.7730320084581, 0.664785218593569),
            *(-0.300637489960271, 0.393520293151103, -0.514454956521485, -0.00639186948158833),
            *(-1.39021340911508, -0.485663595783633, -0.363617753889119),
        ),
    ),
}

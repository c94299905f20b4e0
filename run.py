"""Run a sweep: python run.py -m neuron=adexp network=fs_rs 'neuron.RS.b=range(0,60,10)'.

The shell completes names and values after: eval "$(python run.py -sc install=bash)"
"""

import sys
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from spikesweep.config.words import command_words
from spikesweep.errors import InputError


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> Any:
    """Hand the composed configuration over."""
    from spikesweep.api.main import main as run  # late: the help of Hydra needs none of it

    return run(cfg, HydraConfig.get().runtime.choices)


if __name__ == "__main__":
    try:
        sys.argv[1:] = command_words(sys.argv[1:])
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    main()

"""The trivial function as a Hydra application: `hydra_job.py -m a=... b=... seed=...`."""

import hydra


@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    """Return the result of one point."""
    return cfg.a - cfg.b + cfg.seed


if __name__ == "__main__":
    main()

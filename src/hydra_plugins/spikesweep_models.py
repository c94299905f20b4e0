"""Options of models outside the repository: their `conf/` beside ours, in help, completion and refusals.

Hydra asks its plug-ins whenever any Hydra application starts: only that of spikesweep is changed.
"""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class SpikesweepModels(SearchPathPlugin):
    """Adds the folders of options of trusted packages."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add them behind our own."""
        from spikesweep import trust

        own = (Path(trust.__file__).parent / "conf").resolve()
        paths = [element.path.removeprefix("file://") for element in search_path.get_path() if element.path]
        if any(Path(path).is_absolute() and Path(path).resolve() == own for path in paths):
            for folder in trust.conf_folders():
                search_path.append("spikesweep.models", f"file://{folder}")

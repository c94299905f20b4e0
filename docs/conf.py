"""Sphinx: `sphinx-build -W docs OUT`. Reference pages are made of the code and the YAML at every build."""

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "spikesweep"
author = "The spikesweep developers"
release = importlib.metadata.version("spikesweep")
extensions = ["myst_parser", "sphinx.ext.autodoc", "reference"]
html_theme = "furo"
html_title = f"spikesweep {release}"
exclude_patterns = ["_ext"]
default_role = "code"  # docstrings have single backticks, as all text of the house
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True
nitpicky = False

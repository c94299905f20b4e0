"""The command `new`: a model of one's own that runs, with its values and a test that passes.

The templates are whole models, in which the names of the class, of its file and of the folder are filled in.
"""

import keyword
import re
from pathlib import Path
from typing import Any

from spikesweep import trust
from spikesweep.errors import InputError
from spikesweep.urls import refuse_url

TEMPLATES = Path(__file__).parent / "templates"
#: Where each file of a kind goes.
_PLACES = {
    "model.py.txt": "{name}.py",
    "neuron.yaml.txt": "conf/neuron/{name}.yaml",
    "network.yaml.txt": "conf/network/{name}.yaml",
    "protocol.yaml.txt": "conf/protocol/{name}.yaml",
    "grid.yaml.txt": "conf/grid/{name}.yaml",
    "test.py.txt": "tests/test_{name}.py",
}
_HEAD = """# Models of package__

Run these from the folder above. A store goes on only with the code that began it.
"""


def command(parsed: Any) -> int:
    """Write a model and say how to run it."""
    refuse_url("folder", parsed.folder)
    folder = Path(parsed.folder)
    written = write(parsed.kind, parsed.name, folder)
    for path in written:
        print(path)
    print(f"its test: pytest {folder}; how to run it: {folder / 'README.md'}")
    return 0


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the files of a model of a kind into a folder, and return them; nothing that is there is changed.

    Only a README that is there gets a section more. Raises InputError.
    """
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if not name.isidentifier() or keyword.iskeyword(name) or keyword.iskeyword(module):
        raise InputError(f"{name!r} is no name of a class; allowed: letters and digits, as QIF")
    if module in ("conf", "tests"):
        raise InputError(f"{name!r} is refused: its file would be {module}; allowed: another name")
    home = Path(folder).absolute()
    trust.refuse_name(home.name, home.resolve(), str(folder))
    texts = {
        folder / place.format(name=module): (TEMPLATES / kind / template).read_text()
        for template, place in _PLACES.items()
        if (TEMPLATES / kind / template).exists()
    }
    for path in texts:
        ours = Path(trust.__file__).parent / path.relative_to(folder)
        if path.exists() or (path.suffix == ".yaml" and ours.exists()):
            raise InputError(f"{path if path.exists() else ours} is there already; allowed: another name")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(_filled(text, name, module, home.name))
    readme = folder / "README.md"
    head = "" if readme.exists() else _HEAD
    with readme.open("a") as file:
        section = (TEMPLATES / kind / "README.txt").read_text()
        file.write(_filled(f"{head}\n{section}", name, module, home.name))
    return [*texts, readme]


def _filled(text: str, name: str, module: str, package: str) -> str:
    return text.replace("Name__", name).replace("name__", module).replace("package__", package)

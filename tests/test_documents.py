"""What the pages for developers name is there."""

import re
from pathlib import Path

import pytest
from conftest import options

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "spikesweep"
PAGES = ("docs/architecture.md", "docs/cluster.md", "docs/view.md", "CONTRIBUTING.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page):
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\(([^)#]+)", text)
    assert all((ROOT / page).parent.joinpath(link).exists() for link in links)
    named = [name for name in re.findall(r"`([\w./]+\.(?:py|pyi|yaml|toml))`", text) if "NAME" not in name]
    found = {path.as_posix() for path in ROOT.rglob("*.*") if ".git" not in path.parts}
    assert named
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in found)] == []


def test_the_page_of_rooms_has_each_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} - {"conf"}
    assert {room for room in rooms if f"\n**{room}**" not in text} == set()


@pytest.mark.parametrize("group", ["neuron", "network", "protocol", "grid", "compute"])
def test_every_group_of_conf_has_options_and_a_place_in_the_page_on_adding(group):
    assert options(group)
    assert f"conf/{group}/NAME.yaml" in (ROOT / "CONTRIBUTING.md").read_text()

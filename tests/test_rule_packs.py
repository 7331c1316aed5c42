"""Rule packs of one's own: held to the laws by `nnlint rules --test`, and brought by installed packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RULES = Path(__file__).resolve().parent.parent / "rules"


def nnlint(folder, *arguments, **environment):
    command = [sys.executable, "-m", "nnlint", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment}
    )


@pytest.fixture
def pack(tmp_path):
    """A pack with one rule of its own, made of a built-in one."""
    family = tmp_path / "lint_rules" / "house"
    family.mkdir(parents=True)
    for path in (RULES / "momentum").glob("sgd_without_momentum*.py"):
        text = path.read_text().replace("sgd_without_momentum", "no_plain_sgd")
        text = text.replace("sgd-without-momentum", "no-plain-sgd")
        (family / path.name.replace("sgd_without_momentum", "no_plain_sgd")).write_text(text)
    return tmp_path


def test_a_sound_pack_passes(pack):
    done = nnlint(pack, "rules", "--test", "lint_rules")
    assert (done.returncode, done.stdout) == (0, "no-plain-sgd: ok\n"), done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("no_plain_sgd.bad.py", "# finding: no-plain-sgd", "# nothing", "not marked"),
        ("no_plain_sgd.py", "References", "Sources", 'no section "References"'),
        ("no_plain_sgd.good.py", "momentum=0.9", "momentum=0.8", "cures: its fix of no_plain_sgd.bad.py differs"),
    ],
)
def test_a_broken_law_is_named(pack, file, old, new, says):
    path = pack / "lint_rules" / "house" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = nnlint(pack, "rules", "--test", "lint_rules", "--output-format", "json")
    assert done.returncode == 1
    assert any(says in f"{one['law']}: {one['says']}" for one in json.loads(done.stdout)["breaches"])


def test_a_rule_without_its_pair_is_named(pack):
    (pack / "lint_rules" / "house" / "no_plain_sgd.good.py").unlink()
    done = nnlint(pack, "rules", "--test", "lint_rules")
    assert done.returncode == 1
    assert "there is no no_plain_sgd.good.py beside the rule" in done.stdout


def test_a_folder_without_rules_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    done = nnlint(tmp_path, "rules", "--test", "empty")
    assert done.returncode == 2
    assert "there is no rule in empty" in done.stderr


def installed(folder, value):
    """Put what `pip install` leaves of a package with an entry point into `folder`."""
    (folder / "acme-1.0.dist-info").mkdir()
    (folder / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (folder / "acme-1.0.dist-info" / "entry_points.txt").write_text(f"[nnlint.rules]\nacme = {value}\n")


def test_an_installed_package_brings_its_rules(pack):
    site = pack / "site"
    shutil.copytree(pack / "lint_rules", site / "acme_rules")
    installed(site, "acme_rules")
    listed = nnlint(pack, "rules", PYTHONPATH=str(site))
    assert listed.returncode == 0, listed.stderr
    assert "no-plain-sgd" in listed.stdout
    assert "no-plain-sgd" not in nnlint(pack, "rules").stdout


def test_a_pack_that_is_gone_is_one_error(tmp_path):
    installed(tmp_path, "acme_rules")
    done = nnlint(tmp_path, "rules", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "the rule pack acme of acme is not a package: acme_rules" in done.stderr

"""What is installed: names, versions, and the command that mends what is missing."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from bnproof.implementations import installed
from bnproof.implementations.installed import list_installed
from bnproof.implementations.targets import list_builtin


def test_every_builtin_name_is_listed_first_and_in_order():
    """The names that a check knows, sorted, then the adapters, sorted, and no name twice."""
    entries = list_installed()
    kinds = [entry.kind for entry in entries]
    assert kinds == sorted(kinds, key=["built in", "adapter"].index)
    by_kind = {kind: [e.name for e in entries if e.kind == kind] for kind in set(kinds)}
    assert by_kind["built in"] == sorted(list_builtin())
    assert by_kind["adapter"] == sorted(set(by_kind["adapter"]))


def test_versions_are_those_of_the_packages_behind():
    """PyTorch's for what runs on PyTorch, NumPy's for the reference."""
    found = {entry.name: entry for entry in list_installed()}
    for name, package in (("torch", "torch"), ("torch-modules", "torch"), ("numpy", "numpy")):
        entry = found[name]
        assert (entry.package, entry.version, entry.reason) == (package, version(package), "")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    """An entry stays in the list, without a version and with a reason; the others are as they
    were."""

    def read(package):
        if package == "torch":
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(installed, "version", read)
    entries = list_installed()
    missing = [entry for entry in entries if entry.package == "torch"]
    assert {"torch", "torch-modules", "torch.nn.Module, class or instance"} <= {
        entry.name for entry in missing
    }
    assert {(entry.version, entry.reason) for entry in missing} == {
        ("", "not installed: pip install torch")
    }
    others = {(entry.version, entry.reason) for entry in entries if entry not in missing}
    assert others == {("1.0", "")}


def test_no_framework_is_imported_to_find_out():
    """Versions come from metadata."""
    code = (
        "import sys; from bnproof.implementations.installed import list_installed;"
        "assert list_installed();"
        "print([n for n in ('torch', 'jax', 'flax', 'keras', 'onnx', 'onnxruntime', 'tensorflow')"
        " if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"

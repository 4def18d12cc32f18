"""The house plan: imports go downwards, libraries enter by their doors, rooms are concepts."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from docpager.cli import COMMANDS, main
from docpager.cli.flags import FLAG_OF

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "docpager"

FLOORS = {
    0: ["version", "core"],
    1: ["engines", "storage"],
    2: ["documents"],
    3: ["archive", "models"],
    4: ["paging"],
    5: ["memory"],
    6: ["run"],
    7: ["evaluation", "chat", "mcp_server"],
    8: ["batch"],
    9: ["__init__", "__main__", "api", "doctor", "cli", "exports", "report", "testing"],
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

DOORS = {
    "PIL": {"documents/ocr"},
    "anthropic": {"models/claude"},
    "anyio": {"models/limiter"},
    "cattrs": {"run/serialization", "run/journal"},
    "chardet": {"documents/encodings"},
    "click": {"cli"},
    "compressed_rtf": {"documents/mail"},
    "faiss": {"archive/vectors"},
    "filelock": {"storage/writer_lock"},
    "grpc": {"engines/ray_engine"},
    "httpx": {"models/openai"},
    "httpx2": {"archive/embedders/remote", "models/claude"},
    "inspect_ai": {"exports/inspect_log", "exports/inspect_turns"},
    "jinja2": {"report/pages"},
    "markupsafe": {"report/pages"},
    "matplotlib": {"report/plots"},
    "mcp": {"mcp_server/server", "mcp_server/transports"},
    "mcp_types": {"mcp_server/server"},
    "msgspec": {"run/executor", "run/functions"},
    "numpy": {
        "archive",
        "documents/ocr",
        "documents/pdf",
        "evaluation/intervals",
        "memory",
        "testing",
    },
    "obstore": {"storage/object_store"},
    "olefile": {"documents/mail"},
    "openai": {"models/openai"},
    "opentelemetry": {"run/telemetry"},
    "prompt_toolkit": {"cli/chat_terminal"},
    "pyarrow": {"archive", "batch/parquet"},
    "pydantic": {"mcp_server/server"},
    "pypdf": {"documents/pdf"},
    "pypdfium2": {"documents/pdf"},
    "rapidfuzz": {"run/quotes", "evaluation/texts"},
    "ray": {"engines/ray_engine"},
    "regex": {"archive/grep"},
    "rich": {"cli"},
    "selectolax": {"documents/web"},
    "sentence_transformers": {"archive/embedders/sentence_transformers_embedder"},
    "starlette": {"mcp_server/transports"},
    "tantivy": {"archive/lexical"},
    "tenacity": {"core/retries"},
    "tiktoken": {"core/tokens"},
    "tokenizers": {"archive/embedders/wordllama_embedder"},
    "uvicorn": {"mcp_server/transports"},
    "wordllama": {"archive/embedders/wordllama_embedder"},
    "xlsxwriter": {"batch/tables"},
    "xlrd": {"documents/office/xls"},
}

MOST_LINES = 500
CRUMB_LINES = 100
MOST_CRUMBS = 5


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def dotted(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield node.module or ""


def importers() -> dict[str, set[str]]:
    """For each module of the package, the modules of the package that import it."""
    known = {dotted(module) for module in modules()}
    found: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        for name in imported(module):
            if name in known and name != dotted(module):
                found[name].add(dotted(module))
    return found


def test_every_room_has_a_floor():
    assert {room_of(module) for module in modules()} <= set(FLOOR_OF)


@pytest.mark.parametrize("module", modules(), ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_go_downwards_or_stay_in_the_room(module):
    room = room_of(module)
    for name in imported(module):
        parts = name.split(".")
        if parts[0] == "docpager" and len(parts) > 1 and parts[1] != room:
            below = FLOOR_OF[parts[1]] < FLOOR_OF[room]
            same_floor = FLOOR_OF[room] in (0, 9) and FLOOR_OF[parts[1]] == FLOOR_OF[room]
            assert below or same_floor, f"{room} must not import {name}"


@pytest.mark.parametrize("module", modules(), ids=lambda m: str(m.relative_to(PACKAGE)))
def test_outside_libraries_enter_by_their_doors(module):
    here = module.relative_to(PACKAGE).with_suffix("").as_posix()
    for name in imported(module):
        doors = DOORS.get(name.split(".")[0])
        if doors is not None:
            assert any(here == door or here.startswith(door + "/") for door in doors), (
                f"{here} must not import {name}; its door is {sorted(doors)}"
            )


def test_modules_do_not_import_in_circles():
    """Imports at the top of modules, which Python runs; those inside functions break circles."""
    known = {dotted(module) for module in modules()}
    graph = {
        dotted(module): {
            name
            for node in tree_of(module).body
            if isinstance(node, ast.ImportFrom)
            for name in [node.module or ""]
            if name in known
        }
        for module in modules()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("room", ["paging", "evaluation"])
def test_paging_does_no_io(room):
    forbidden = {"os", "io", "pathlib", "time", "datetime", "socket", "subprocess", "asyncio"}
    for module in (PACKAGE / room).rglob("*.py"):
        assert not {name.split(".")[0] for name in imported(module)} & forbidden, module


def test_a_class_name_has_one_meaning():
    """Public classes of the package, and those of the benchmarks, are told apart by their names."""
    homes: dict[str, list[str]] = defaultdict(list)
    for module in [*modules(), *(ROOT / "benchmarks").rglob("*.py")]:
        if "fake_api" in module.parts:  # its classes mirror the API's
            continue
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(module.relative_to(ROOT)))
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_datasets_is_no_package():
    assert not list((ROOT / "datasets").rglob("__init__.py"))


def test_a_file_is_one_concept_of_readable_length():
    lengths = {m: len(m.read_text("utf-8").splitlines()) for m in modules()}
    assert not {str(m): n for m, n in lengths.items() if n > MOST_LINES}


def test_small_modules_with_one_importer_say_why_they_stand_alone():
    """A short file that serves one other file is usually half of a concept."""
    users = importers()
    crumbs = [
        module
        for module in modules()
        if module.name not in ("__init__.py", "__main__.py")
        and len(module.read_text("utf-8").splitlines()) < CRUMB_LINES
        and len(users[dotted(module)]) == 1
    ]
    assert len(crumbs) <= MOST_CRUMBS, [dotted(module) for module in crumbs]
    for module in crumbs:
        assert "stands alone" in (ast.get_docstring(tree_of(module)) or ""), module


def test_functions_can_be_read_at_a_glance():
    for module in modules():
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 60, f"{module}: {node.name} has {length} lines"


def test_the_house_plan_names_every_module():
    """`docpager/README.md` lists each room and module once, and nothing that is not there."""
    plan = (PACKAGE / "README.md").read_text("utf-8")
    named = set(re.findall(r"^\s*([\w/]+(?:\.py|/))(?=\s)", plan.split("```")[1], re.MULTILINE))
    there = {
        module.relative_to(PACKAGE).as_posix()
        for module in modules()
        if module.name not in ("__init__.py", "__main__.py")
    }
    rooms = {
        path.relative_to(PACKAGE).as_posix() + "/"
        for path in PACKAGE.rglob("*")
        if path.is_dir() and (path / "__init__.py").exists()
    }
    assert named == there | rooms


def said(module: Path) -> Iterator[str]:
    """Every text that a module may show somebody: its literals without its docstrings."""
    tree = ast.parse(module.read_text("utf-8"))
    explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if literal and id(node) not in explained:
            yield node.value


OUTSIDE_CLI = [
    module
    for module in modules()
    if room_of(module) != "cli" and module.name != "__main__.py"  # command lines of their own
]
OPTIONS_OF_TESSERACT = {"--dpi", "--list-langs", "--psm", "--version"}
FLAG = re.compile(r"""(?:^|[\s`'"(])--(?:[a-z]|$)""")


@pytest.mark.parametrize("module", OUTSIDE_CLI, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_only_the_command_line_names_its_options(module):
    assert not [
        text for text in said(module) if FLAG.search(text) and text not in OPTIONS_OF_TESSERACT
    ]


def test_every_setting_that_a_message_names_has_an_option():
    named = {
        name
        for module in OUTSIDE_CLI
        if room_of(module) != "testing"
        for text in said(module)
        for name in re.findall(r"`([A-Za-z_.]+)=", text)
    }
    with_an_option = {*FLAG_OF, "by_batches"}

    assert named <= with_an_option
    # The names that are filled in are a model's options, and limits from the ledgers.
    assert with_an_option - named <= {"base_url", "effort", "live", "max_tokens", "max_usd"}


def test_every_option_that_stands_for_a_setting_is_one():
    options = {
        option
        for command in COMMANDS
        for parameter in main.get_command(None, command).params
        for option in parameter.opts
    }

    assert set(FLAG_OF.values()) <= options

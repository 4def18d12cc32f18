"""What LangChain's and LlamaIndex's default loaders make of files, in an environment of theirs.

    PYTHON benchmarks/office_facts/loaders.py FOLDER NAME... > documents.jsonl

One JSON line for each file and library: the loader, its documents (text, metadata), its failure.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

SECONDS = 180
"""For one file."""
LANGCHAIN = {
    ".docx": "Docx2txtLoader",
    ".odt": "UnstructuredODTLoader",
    ".rtf": "UnstructuredRTFLoader",
    ".xlsx": "UnstructuredExcelLoader",
    ".xls": "UnstructuredExcelLoader",
    ".ods": "UnstructuredExcelLoader",
    ".csv": "CSVLoader",
    ".pptx": "UnstructuredPowerPointLoader",
    ".odp": "UnstructuredPowerPointLoader",
    ".html": "BSHTMLLoader",
    ".epub": "UnstructuredEPubLoader",
    ".eml": "UnstructuredEmailLoader",
    ".msg": "OutlookMessageLoader",
}


def with_langchain(path: Path) -> tuple[str, list[dict[str, Any]]]:
    name = LANGCHAIN[path.suffix]
    loader = getattr(importlib.import_module("langchain_community.document_loaders"), name)
    documents = loader(str(path)).load()
    return name, [{"text": each.page_content, "metadata": each.metadata} for each in documents]


def with_llama_index(path: Path) -> tuple[str, list[dict[str, Any]]]:
    core = importlib.import_module("llama_index.core")
    documents = core.SimpleDirectoryReader(input_files=[str(path)], raise_on_error=True).load_data()
    return "SimpleDirectoryReader", [
        {"text": each.text, "metadata": each.metadata} for each in documents
    ]


def _too_long(*_: object) -> None:
    raise TimeoutError(f"took longer than {SECONDS} seconds")


def main() -> None:
    folder, *names = sys.argv[1:]
    signal.signal(signal.SIGALRM, _too_long)
    for name in names:
        for library, load in (("LangChain", with_langchain), ("LlamaIndex", with_llama_index)):
            line: dict[str, Any] = {"file": name, "library": library, "documents": []}
            signal.alarm(SECONDS)
            # Loaders print to the terminal, and fail with whatever their libraries raise.
            with contextlib.redirect_stdout(sys.stderr):
                try:
                    line["loader"], line["documents"] = load(Path(folder) / name)
                except Exception as error:  # noqa: BLE001
                    line["failure"] = f"{type(error).__name__}: {error}"[:300]
            signal.alarm(0)
            print(json.dumps(line, default=str), flush=True)


if __name__ == "__main__":
    main()

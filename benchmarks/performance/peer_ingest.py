"""A folder of PDFs made searchable by LangChain or LlamaIndex, in an environment of theirs.

    PEERS/bin/python benchmarks/performance/peer_ingest.py langchain pdfs/ FOLDER

Each as its own introduction shows it: LangChain with `PyPDFLoader`, a recursive splitter of 1,000
characters that share 200, and FAISS; LlamaIndex with `SimpleDirectoryReader` and an index of
vectors. Both embed with wordllama, which docpager does by default: it is the one embedder that
needs no download, and faster than their own. Prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHUNK, SHARED = 1_000, 200


class WordllamaPackage:
    """wordllama as its own package offers it."""

    def __init__(self) -> None:
        from wordllama import WordLlama

        spec = find_spec("wordllama")
        assert spec is not None and spec.origin is not None
        # Weights and tokenizer are in the package, where its loader does not look by itself.
        self._model = WordLlama.load(cache_dir=Path(spec.origin).parent)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._model.embed(list(texts), norm=True).tolist()
        return vectors


def with_langchain(folder: Path, target: Path) -> tuple[int, int]:
    """(pages, chunks)"""
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embedder = WordllamaPackage()

    class LangchainEmbeddings(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed(texts)

        def embed_query(self, text: str) -> list[float]:
            return embedder.embed([text])[0]

    pages = [page for path in sorted(folder.glob("*.pdf")) for page in PyPDFLoader(path).load()]
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=SHARED)
    chunks = splitter.split_documents(pages)
    FAISS.from_documents(chunks, LangchainEmbeddings()).save_local(str(target))
    return len(pages), len(chunks)


def with_llama_index(folder: Path, target: Path) -> tuple[int, int]:
    """(pages, nodes)"""
    from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding

    embedder = WordllamaPackage()

    class LlamaIndexEmbedding(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return embedder.embed([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed(texts)

        def _get_query_embedding(self, query: str) -> list[float]:
            return embedder.embed([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embedder.embed([query])[0]

    pages = SimpleDirectoryReader(str(folder), required_exts=[".pdf"]).load_data()
    index = VectorStoreIndex.from_documents(pages, embed_model=LlamaIndexEmbedding())
    index.storage_context.persist(str(target))
    return len(pages), len(index.docstore.docs)


PEERS: dict[str, tuple[Callable[[Path, Path], tuple[int, int]], tuple[str, ...]]] = {
    "langchain": (with_langchain, ("langchain-community", "pypdf", "faiss-cpu")),
    "llama-index": (with_llama_index, ("llama-index-core", "llama-index-readers-file", "pypdf")),
}


def measured(name: str, folder: Path, target: Path) -> dict[str, Any]:
    make, packages = PEERS[name]
    pages, pieces = make(folder, target)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "pages": pages,
        "pieces": pieces,
        "core_seconds": usage.ru_utime + usage.ru_stime,
        "bytes": usage.ru_maxrss * 1024,
        "versions": ", ".join(f"{package} {version(package)}" for package in packages),
    }


if __name__ == "__main__":
    _, name, folder, target = sys.argv
    print(json.dumps(measured(name, Path(folder), Path(target))))

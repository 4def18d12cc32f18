"""Images of the fake API: what they take, and which are refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from talking import HAIKU_4_5, SONNET, TOOLS, body, client, plain, refusal, result, send, use

from benchmarks.fake_api import NO_OVERHEADS, FakeApi, RequestCounter

COUNTER = RequestCounter(overheads=NO_OVERHEADS)


def image(width: int, height: int, **source: Any) -> dict[str, Any]:
    """The beginning of a PNG file of that size."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data = base64.b64encode(head + b"\x08\x02\0\0\0").decode()
    inner = {"type": "base64", "media_type": "image/png", "data": data, **source}
    return {"type": "image", "source": inner}


def counted(api: FakeApi, *blocks: dict[str, Any], model: str = SONNET) -> int:
    messages = [{"role": "user", "content": [plain("word"), *blocks]}]
    return client(api).messages.count_tokens(model=model, messages=messages).input_tokens - 1


@pytest.mark.parametrize(
    ("width", "height", "new", "old"),
    [
        (1, 1, 1, 1),
        (28, 29, 2, 2),
        (1_000, 1_000, 1_296, 1_296),
        (1_092, 1_092, 1_521, 1_521),
        (1_568, 28, 56, 56),
        (2_576, 1_120, 92 * 40, None),
        (5_152, 28, 92, 56),
    ],
)
def test_an_image_takes_its_patches_once_it_is_small_enough(width, height, new, old):
    with FakeApi("Fine.", counter=COUNTER) as api:
        assert counted(api, image(width, height)) == new
        taken = counted(api, image(width, height), model=HAIKU_4_5)

    assert taken == old if old else 1_350 < taken <= 1_568


def test_images_in_results_take_as_much():
    with FakeApi(["Fine."], counter=COUNTER) as api:
        asked = [
            "word",
            [use("toolu_1")],
            [result("toolu_1", [plain("word"), image(1_000, 1_000)])],
        ]
        usage = send(api, body(*asked, tools=TOOLS)).usage
        bare = send(
            api,
            body("word", [use("toolu_1")], [result("toolu_1", [plain("word")])], tools=TOOLS),
        ).usage

    assert usage.input_tokens - bare.input_tokens == 1_296


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([image(8_001, 5)], "exceed max allowed size"),
        ([image(2_001, 5)] * 21, "many-image requests: 2000 pixels"),
        ([image(5, 5, data="%%%")], "valid base64"),
        ([image(5, 5, data="A" * 5_300_000)], "exceeds 5 MB maximum"),
        ([image(5, 5, data=base64.b64encode(b"GIF89a" * 9).decode())], "does not match"),
        ([image(5, 5)] * 601, "at most 600 images"),
    ],
)
def test_what_cannot_be_an_image_here_is_refused(blocks, said):
    with FakeApi("Fine.") as api:
        assert said in refusal(api, body([plain("What?"), *blocks]))

"""Pages of PDFs as pictures in a run: shown, paid for, kept by hash, cited as what they are."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from make_pdf import make_pdf
from playing import Play
from run_worlds import world
from watched_run import WatchedRun

import docpager
from benchmarks.fake_api import FakeApi, call
from benchmarks.fake_api.images import image_tokens
from benchmarks.fake_api.models import MODELS
from docpager.archive.archive import Archive
from docpager.batch.job import BatchJob
from docpager.batch.questions import Question
from docpager.batch.session import SessionHooks, open_batch
from docpager.batch.settings import BatchSettings
from docpager.cli import main
from docpager.cli.output import print_answer
from docpager.core.errors import DocumentsChanged, JournalError, UsageError
from docpager.core.pictures import Picture, PictureId, PicturePrice
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.claude import ClaudeModel
from docpager.models.claude.families import family_of
from docpager.models.messages import AssistantTurn, CallResult, ModelRequest, ToolCall, UserTurn
from docpager.models.openai.chat import request_body
from docpager.models.pricing import price_of
from docpager.models.scripted import ScriptedModel, reply
from docpager.models.scripted import call as calling
from docpager.report.watching import watch as watch_journal
from docpager.run.answer_line import AnswerLine, parse_citation
from docpager.run.cited_places import cited_words
from docpager.run.journal import held_journal, read_journal
from docpager.run.page_pictures import draw_page, png_size
from docpager.run.plan import plan_run
from docpager.run.preparation import PreparedModel, prepare
from docpager.run.replay import Replay
from docpager.run.service import ask_archive, open_replay, resume_run
from docpager.run.tool_results import Viewed

PRICE = PicturePrice(edge=1_568, most_tokens=1_568)
QUESTION = "What does the second page show?"
SONNET = "claude-sonnet-5-5"
TEXT = "Rope was bought for 41 dollars in March."
VIEW = call("view_page", locator="D1:p2")
SEEN = call("answer", text="A square", citations=[{"locator": "D1:p2", "quote": ""}])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of one PDF, whose second page has no text, and of one letter."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "docs").mkdir()
    (folder / "docs" / "ledger.pdf").write_bytes(make_pdf([TEXT, "", "Nails were sold in May."]))
    (folder / "docs" / "note.txt").write_text("Glue was given away. " * 5)
    docpager.ingest(folder / "docs", folder / "archive")
    return folder


@pytest.fixture
def place(written: Path, tmp_path: Path) -> Path:
    """A copy of its own; the file of the PDF is that of all."""
    shutil.copytree(written / "archive", tmp_path / "archive")
    return tmp_path / "archive"


def asked(
    place: Path, script: list[object], *, name: str = SONNET, pictures: str = "auto", **more: object
) -> tuple[AnswerLine, FakeApi]:
    """One question over the archive against the fake server."""
    with FakeApi(script) as api, Archive.open(place) as archive:
        model = ClaudeModel(name, base_url=api.url, backend="anthropic")
        prepared = prepare(model, page_pictures=pictures, environment={}, **more)

        async def whole() -> AnswerLine:
            try:
                return await ask_archive(QUESTION, archive, model, settings=prepared.settings)
            finally:
                await model.close()

        return asyncio.run(whole()), api


def images(body: dict) -> list[dict]:
    """The sources of all images of a request, in order."""
    found = []
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        for block in blocks:
            inner = block.get("content")
            below = inner if block["type"] == "tool_result" and isinstance(inner, list) else []
            found += [each["source"] for each in (block, *below) if each["type"] == "image"]
    return found


def viewed(journal: str | Path) -> list[Viewed]:
    record = read_journal(Path(journal))
    return [r for entry in record.entries for r in entry.results if isinstance(r, Viewed)]


def test_a_page_without_text_is_seen_and_named_and_counts_as_unsupported(place: Path) -> None:
    line, api = asked(place, [VIEW, SEEN])

    (result,) = viewed(line.journal)
    (source,) = images(api.requests[-1].body)
    assert result.text == "none that could be read"
    assert line.overruns == 0
    assert line.paging["pictures"] == 1
    assert (line.status, line.answer) == ("unsupported", "A square")
    (citation,) = line.citations
    assert (citation.match, citation.stands, citation.quote) == ("picture", False, "")
    assert (citation.place.page, citation.place.document_id) == (2, "D1")
    assert citation.doubt == "none that could be read"
    assert (place / "runs" / "pictures" / f"{result.picture.sha256}.png").is_file()
    assert image_tokens(source, MODELS[3]) == result.picture.tokens <= 4_784


@pytest.mark.parametrize("name", [SONNET, "claude-opus-4-8", "claude-haiku-4-5", "claude-opus-4-6"])
def test_a_picture_takes_what_the_server_counts_for_it(place: Path, name: str) -> None:
    script = [call("search", query="rope"), VIEW, SEEN]
    line, api = asked(place, script, name=name, window=80_000, max_output=4_096)

    model = next(model for model in MODELS if model.id == name)
    (result,) = viewed(line.journal)
    (source,) = images(api.requests[-1].body)
    # No smaller than it may be, or the last part of what could be seen would be wasted.
    assert 0.9 * model.image_tokens < result.picture.tokens <= model.image_tokens
    assert image_tokens(source, model) == result.picture.tokens
    assert max(result.picture.width, result.picture.height) <= model.image_edge
    last = read_journal(Path(line.journal)).entries
    usage = [entry.reply.usage for entry in last if entry.reply is not None]
    sent = [entry.prompt_tokens for entry in last if entry.kind == "request"]
    assert usage[2].prompt_tokens - usage[1].prompt_tokens > result.picture.tokens
    assert usage[2].prompt_tokens <= sent[2]


def test_replays_without_the_picture_and_against_the_archive(place: Path) -> None:
    line, _ = asked(place, [call("search", query="rope"), VIEW, SEEN])
    journal = Path(line.journal)
    with Archive.open(place) as archive:
        replay = open_replay(journal, against=archive)
        assert replay.finish().outcome == read_journal(journal).outcome
        assert replay.executed == 3
    shutil.rmtree(place / "runs" / "pictures")

    assert open_replay(journal).finish().outcome == read_journal(journal).outcome


def test_another_renderer_may_draw_other_bytes_of_the_same_page(place: Path) -> None:
    line, _ = asked(place, [VIEW, SEEN])
    record = read_journal(Path(line.journal))
    with Archive.open(place) as archive:
        for renderer, agrees in ((None, False), ("pdfium 1, zlib 0", True)):
            replay = Replay(record)
            replay.executor = open_replay(Path(line.journal), against=archive).executor
            entry = next(e for e in record.entries if e.results)
            (result,) = entry.results
            other = replace(
                result,
                picture=replace(result.picture, sha256="0" * 64),
                renderer=renderer or result.renderer,
            )
            changed = replace(entry, results=(other,))
            replay.feed(record.entries[0])
            for each in record.entries[1 : record.entries.index(entry)]:
                replay.feed(each)
            if agrees:
                replay.feed(changed)
            else:
                with pytest.raises(JournalError, match=r"view_page.* now gives another result"):
                    replay.feed(changed)


def interrupted(place: Path) -> Path:
    """A journal whose run was cut off while the request with a picture was under way."""
    line, _ = asked(place, [VIEW, SEEN])
    whole = Path(line.journal)
    lines = whole.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(each.split(b" ", 1)[1]).get("kind") for each in lines]
    cut = whole.with_name("cut.jsonl")
    cut.write_bytes(b"".join(lines[: kinds.index("results") + 1]))
    whole.unlink()
    return cut


def resumed(place: Path, journal: Path) -> tuple[AnswerLine, FakeApi]:
    with FakeApi([SEEN]) as api, Archive.open(place) as archive:
        model = ClaudeModel(SONNET, base_url=api.url, backend="anthropic")

        async def whole() -> AnswerLine:
            try:
                return await resume_run(journal, archive, model)
            finally:
                await model.close()

        return asyncio.run(whole()), api


def test_a_resumed_run_sends_the_very_picture_again(place: Path) -> None:
    journal = interrupted(place)
    line, api = resumed(place, journal)

    assert line.status == "unsupported"
    (source,) = images(api.requests[-1].body)
    (file,) = (place / "runs" / "pictures").glob("*.png")
    assert base64.b64decode(source["data"]) == file.read_bytes()


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_a_resumed_run_says_which_picture_is_missing(place: Path, what: str) -> None:
    journal = interrupted(place)
    (file,) = (place / "runs" / "pictures").glob("*.png")
    if what == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b"!")
    before = journal.read_bytes()

    with pytest.raises(JournalError, match=r"picture of D1:p2 .*restore the file, or ask again"):
        resumed(place, journal)
    assert journal.read_bytes().startswith(before)


def test_a_page_with_text_is_not_cited_without_a_quote(place: Path) -> None:
    bare = call("answer", text="41", citations=[{"locator": "D1:p1", "quote": ""}])
    quoted = call("answer", text="41", citations=[{"locator": "D1:p1", "quote": TEXT}])
    line, api = asked(place, [call("view_page", locator="D1:p1"), bare, bare])
    assert line.citations[0].match == "failed"
    assert line.status == "unsupported"
    assert "D1:p1 has text: copy a quote from it" in json.dumps(api.requests[2].body)

    both = [call("view_page", locator="D1:p1"), call("page_in", locator="D1:p1")]
    line, _ = asked(place, [both, quoted])
    assert (line.status, line.citations[0].match) == ("answered", "exact")


def test_a_page_that_was_not_shown_is_not_cited_without_a_quote(place: Path) -> None:
    line, _ = asked(place, [call("search", query="rope"), SEEN, SEEN])

    assert line.citations[0].match == "failed"


def test_a_picture_that_was_noted_and_left_may_still_be_named(place: Path) -> None:
    note = call("write_note", text="A square stands on the page.", sources=["D1:p2"])
    line, api = asked(place, [VIEW, [note, call("page_out", locators=["D1:p2"])], SEEN])

    assert "released 0 passages and 1 picture." in json.dumps(api.requests[2].body)
    assert line.citations[0].match == "picture"


@pytest.mark.parametrize(
    ("locator", "said"),
    [
        ("D1", "view_page shows one page, such as D3:p45, not D1"),
        ("D1:p1-2", "view_page shows one page"),
        ("D1:c1", "view_page shows one page"),
        ("D1:p9", "D1 ledger.pdf has 3 pages"),
        ("D2:p1", "D2 note.txt is no PDF: page_in its text"),
        ("D7:p1", "D7"),
        ("N1", "is a note"),
    ],
)
def test_what_has_no_picture_is_refused_with_a_sentence(
    place: Path, locator: str, said: str
) -> None:
    _, api = asked(place, [call("view_page", locator=locator), "Not found: it."])

    (result,) = [
        block
        for block in api.requests[1].body["messages"][-1]["content"]
        if block["type"] == "tool_result"
    ]
    assert result["is_error"]
    assert said in result["content"]


def test_a_picture_that_comes_and_goes_without_a_note_is_refused(place: Path) -> None:
    """Paging the same in and out again is no progress; only a note ends it."""
    play = Play(world("scans"), paging=PagingSettings(window=16_000), pictures=PRICE)
    view = calling("view_page", locator="D1:p3")
    for _ in range(2):
        play.say(view)
        assert play.run.context.table.pictures
        play.say(calling("page_out", locators=["D1:p3"]))
        play.run.context.table.keep_only(())
    (refused,) = play.say(view)
    assert refused.text.startswith("refused: D1:p3 was paged in 2 times without a note")

    play.say(calling("write_note", text="a square", sources=["D1:p3"]))
    (shown,) = play.say(view)
    assert shown.picture is not None


def test_the_same_picture_twice_is_shown_once(place: Path) -> None:
    _, api = asked(place, [[VIEW, VIEW], VIEW, SEEN])

    assert len(images(api.requests[-1].body)) == 1
    assert json.dumps(api.requests[-1].body).count("D1:p2 is in main context already") == 2


def test_a_changed_file_is_never_drawn(written: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "ledger.pdf").write_bytes(make_pdf([TEXT, ""]))
    docpager.ingest(tmp_path / "docs", tmp_path / "archive")
    (tmp_path / "docs" / "ledger.pdf").write_bytes(make_pdf([TEXT, "Something else"]))

    _, api = asked(tmp_path / "archive", [VIEW, "Not found: it."])

    assert images(api.requests[1].body) == []
    assert "has changed since it was ingested" in json.dumps(api.requests[1].body)


# Whom it is offered.


def offers(api: FakeApi) -> bool:
    body = api.requests[0].body
    named = {tool["name"] for tool in body["tools"]}
    told = "view_page shows one page" in body["system"][0]["text"]
    assert told == ("view_page" in named)
    return told


def test_it_is_offered_where_a_page_has_poor_text(
    place: Path, written: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    with FakeApi(["Not found: it."]) as api, Archive.open(place) as archive:
        model = ClaudeModel(SONNET, base_url=api.url, backend="anthropic")
        model.notify = notes.append
        settings = prepare(model, environment={}).settings
        asyncio.run(_twice(archive, model, settings))
        assert offers(api)
    assert [note for note in notes if "pictures" in note] == [
        f"{SONNET} may look at pictures of pages, as some have poor text (pages in 1 PDF: 1 "
        "without usable text); `page_pictures=off` keeps it to text"
    ]

    assert not offers(asked(place, ["Not found: it."], pictures="off")[1])
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.pdf").write_bytes(make_pdf([TEXT]))
    docpager.ingest(tmp_path / "good", tmp_path / "good-archive")
    assert not offers(asked(tmp_path / "good-archive", ["Not found: it."])[1])
    assert offers(asked(tmp_path / "good-archive", ["Not found: it."], pictures="on")[1])


async def _twice(archive: Archive, model: ClaudeModel, settings: object) -> None:
    for _ in range(2):
        await ask_archive(QUESTION, archive, model, settings=settings)
    await model.close()


def test_a_model_that_is_not_known_to_see_is_offered_none_unless_told(place: Path) -> None:
    script = [calling("view_page", locator="D1:p2"), "Not found: it."]
    for pictures, names in (("auto", False), ("on", True)):
        model = ScriptedModel(*script)
        paging = PagingSettings(window=16_000, page_pictures=pictures)
        docpager.ask(QUESTION, model=model, archive=place, paging=paging)
        shown = list(model.requests[-1].pictures)
        assert bool(shown) == names
        assert ("view_page" in {f.name for f in model.requests[0].functions}) == names
        if names:
            files = model.requests[-1].picture_files
            assert png_size(files[shown[0].sha256]) == (shown[0].width, shown[0].height)


def test_a_window_without_room_for_a_legible_picture_offers_none(place: Path) -> None:
    small = {"window": 11_000, "max_output": 2_048}
    assert not offers(asked(place, ["Not found: it."], **small)[1])
    with pytest.raises(UsageError, match=r"leaves \d+ for a picture of a page.*larger `window=`"):
        asked(place, ["Not found: it."], pictures="on", **small)


@pytest.mark.parametrize("functions", ["small", "plain"])
def test_a_small_set_of_functions_shows_no_pages(place: Path, functions: str) -> None:
    with pytest.raises(UsageError, match="`page_pictures=on` needs `functions=full`"):
        PagingSettings(page_pictures="on", functions=functions)
    with FakeApi(["Not found: it."]) as api, Archive.open(place) as archive:
        model = ClaudeModel(SONNET, base_url=api.url, backend="anthropic")
        settings = prepare(model, functions=functions, environment={}).settings
        asyncio.run(_twice(archive, model, settings))
        tools = {tool["name"] for tool in api.requests[0].body.get("tools", ())}
    assert "view_page" not in tools


def test_every_claude_model_is_priced_as_the_documentation_says() -> None:
    for model in MODELS:
        sees = family_of(model.id).sees
        assert (sees.edge, sees.most_tokens) == (model.image_edge, model.image_tokens), model.id
    assert family_of("qwen3:8b").sees is None


def test_contents_name_the_pages_without_text(place: Path) -> None:
    _, api = asked(place, [call("contents", locator="D1"), "Not found: it."])

    assert "no usable text on D1:p2: view_page shows one at a time" in json.dumps(
        api.requests[1].body
    )


def test_passages_of_a_doubtful_page_say_that_it_can_be_seen() -> None:
    for pictures, hinted in ((PRICE, True), (None, False)):
        play = Play(world("scans"), paging=PagingSettings(window=16_000), pictures=pictures)
        (good,) = play.say(calling("page_in", locator="D1:c1"))
        (poor,) = play.say(calling("page_in", locator="D1:p6"))
        said = poor.text.partition("\n")[0]
        assert ("text of D1:p6 may be wrong, view_page shows it" in said) == hinted
        assert "may be wrong" not in good.text.partition("\n")[0]


@pytest.mark.parametrize("most", [500, 1_200, 4_784])
def test_a_page_is_drawn_as_large_as_its_price_allows(place: Path, most: int) -> None:
    price = PicturePrice(edge=2_576, most_tokens=most)
    with Archive.open(place) as archive:
        drawn = draw_page(archive, PictureId(1, 1), price=price)

    width, height = png_size(drawn.png)
    assert 0.9 * min(most, 61 * 79) < price.tokens(width, height) <= most
    assert width / height == pytest.approx(612 / 792, rel=0.01)
    assert drawn.renderer.startswith("pdfium ")


def test_one_request_never_carries_more_pictures_than_the_server_takes() -> None:
    counter = BuiltInEstimator()
    plan = plan_run(
        QUESTION,
        world("scans").documents(),
        counter=counter,
        paging=PagingSettings(window=1_000_000, page_pictures="on"),
        pictures=PicturePrice(edge=600, most_tokens=500),
    )
    watch = WatchedRun(plan, world("scans"), counter)  # asserts at each request
    watch.request()

    def say(*calls: ToolCall) -> list[str]:
        watch.answer(reply(*(replace(c, id=f"{watch.run.steps}-{n}") for n, c in enumerate(calls))))
        watch.request()
        newest = watch.requests[-1].turns[-1]
        return [r.text for r in newest.results] if newest.results else [newest.text]

    for page in range(1, 21):
        say(calling("view_page", locator=f"D2:p{page}"))
    assert len(list(watch.requests[-1].pictures)) == 20
    (refused,) = say(calling("view_page", locator="D2:p21"))
    assert refused.startswith("refused: the picture of D2:p21")
    say(calling("page_out", locators=["D2:p1-5"]))
    say(calling("view_page", locator="D2:p21"))

    assert watch.run.context.epoch.number == 2
    shown = {picture.pdf_page for picture in watch.requests[-1].pictures}
    assert shown == {*range(6, 22)}


# Forgetting.


def compacted(place: Path, *forgotten: str) -> None:
    runner = CliRunner()
    for command in (["forget", *forgotten], ["compact"]) if forgotten else (["compact"],):
        done = runner.invoke(main, [*command, "--archive", str(place)])
        assert done.exit_code == 0, done.output


def test_compact_deletes_the_pictures_of_forgotten_documents_alone(
    tmp_path: Path, written: Path
) -> None:
    folder, place = tmp_path / "docs", tmp_path / "archive"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(make_pdf([TEXT, ""]))
    # The same page to look at, in another document: one file holds both pictures.
    (folder / "b.pdf").write_bytes(make_pdf(["Rope and nails.", "", "A third page."]))
    docpager.ingest(folder, place)
    first, _ = asked(place, [VIEW, SEEN])
    both = [VIEW, call("view_page", locator="D2:p2"), call("view_page", locator="D2:p3")]
    second, _ = asked(place, [both, SEEN])
    files = place / "runs" / "pictures"
    kept = {result.picture.sha256 for result in viewed(second.journal)}
    assert {path.stem for path in files.iterdir()} == kept
    assert len(kept) == 2
    listed = CliRunner().invoke(main, ["forget", "D1", "--archive", str(place)])
    assert listed.output.count("journal that still holds its text") == 2

    compacted(place)
    assert {path.stem for path in files.iterdir()} == kept, "D2 has the same picture"
    for line in (first, second):
        text = Path(line.journal).read_text()
        assert "A square" not in text
        with pytest.raises(JournalError, match="D1 was forgotten"):
            read_journal(Path(line.journal))

    compacted(place, "D2")
    assert list(files.iterdir()) == []
    assert not any(sha in Path(second.journal).read_text().replace(
        f"redacted:sha256:{sha}", "") for sha in kept)  # fmt: skip


def test_compact_deletes_what_deleted_journals_named_and_keeps_what_a_run_may_name(
    place: Path,
) -> None:
    line, _ = asked(place, [VIEW, SEEN])
    files = place / "runs" / "pictures"
    (files / ("0" * 64 + ".png")).write_bytes(b"left behind by a process that was killed")
    with held_journal(Path(line.journal)):
        compacted(place)
        assert len(list(files.iterdir())) == 2
    compacted(place)
    assert [path.stem for path in files.iterdir()] == [viewed(line.journal)[0].picture.sha256]
    Path(line.journal).unlink()

    compacted(place)

    assert list(files.iterdir()) == []


def test_a_forgotten_document_is_not_drawn_for_a_resumed_run(place: Path) -> None:
    journal = interrupted(place)
    CliRunner().invoke(main, ["forget", "D1", "--archive", str(place)])

    with pytest.raises(DocumentsChanged, match="D1"):
        resumed(place, journal)


# What people see of it.


def test_the_trace_shows_what_was_looked_at(place: Path) -> None:
    out = call("page_out", locators=["D1:p2"])
    line, _ = asked(place, [VIEW, out, SEEN])

    shown = CliRunner().invoke(main, ["trace", line.journal])

    assert shown.exit_code == 0, shown.output
    (result,) = viewed(line.journal)
    size = f"{result.picture.width} x {result.picture.height} pixels"
    assert f"-> D1:p2 of ledger.pdf as a picture, {size}, " in shown.output
    assert "paged in pictures of D1:p2" in shown.output
    assert "released pictures of D1:p2" in shown.output
    assert "0 resident and 1 picture, 0 notes" in shown.output
    assert "(picture" in shown.output


def test_the_answer_says_that_nothing_was_checked_and_open_shows_the_page(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line, _ = asked(place, [VIEW, SEEN])
    print_answer(line)
    printed = capsys.readouterr().out
    assert "(unsupported: no quote of it stands" in printed
    assert "ledger.pdf, page 2: " in printed
    assert "(seen as a picture, nothing was checked; text of the page: none that could" in printed

    with Archive.open(place) as archive:
        place_of = cited_words(archive, line.citations[0])
    assert (place_of.place.page, place_of.start) == (2, place_of.end)
    parsed = parse_citation(line.citations[0].as_json())
    assert parsed == line.citations[0]


def test_the_report_counts_the_picture_with_its_document(place: Path) -> None:
    line, _ = asked(place, [VIEW, SEEN])

    run = watch_journal(Path(line.journal))

    (result,) = viewed(line.journal)
    # Before the server has counted, parts are upper bounds and are scaled to the whole.
    assert run.snapshots[2].filling.passages[1] > 0.8 * result.picture.tokens


# Other protocols.


def test_chat_completions_carry_pictures_beside_the_results() -> None:
    picture = Picture(3, 45, "ab", 28, 56, 2, 4)
    turns = (
        UserTurn("Why?", pictures=(picture,)),
        AssistantTurn("", (ToolCall("a", "view_page", {"locator": "D3:p45"}),)),
        UserTurn(results=(CallResult("a", "D3:p45 of x.pdf", picture=picture),)),
    )
    request = ModelRequest("", (), turns, 10, picture_files={"ab": b"\x89PNG"})

    messages = request_body(request, model="m", official=False)["messages"]

    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    label = {"type": "text", "text": "Picture of D3:p45:"}
    assert messages[0]["content"] == [{"type": "text", "text": "Why?"}, label, shown]
    assert messages[2] == {"role": "tool", "tool_call_id": "a", "content": "D3:p45 of x.pdf"}
    assert messages[3] == {"role": "user", "content": [label, shown]}


async def _in_rounds(place: Path, output: Path, model: ClaudeModel, api: FakeApi) -> dict:
    """One question, answered in message batches on a clock that moves when somebody waits."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        api.clock.advance(seconds)

    price = price_of(SONNET)
    prepared = PreparedModel(model, prepare(model, environment={}).settings, price)
    hooks = SessionHooks(
        on_message=lambda message: None, now=api.clock.now, sleep=sleep, clock=api.clock.now
    )
    with (
        Archive.open(place) as archive,
        open_batch(
            BatchJob([Question("q1", QUESTION)], output),
            archive,
            prepared,
            settings=BatchSettings(by_batches=True, max_usd=100.0),
            hooks=hooks,
        ) as session,
    ):
        await session.drive()
        await model.close()
    return json.loads(output.read_text())


def test_a_batch_of_rounds_sends_pictures_too(place: Path, tmp_path: Path) -> None:
    shown: list[int] = []

    def saying(what: object) -> object:
        return lambda asked: (shown.append(len(images(asked.body))), what)[1]

    with FakeApi([saying(VIEW), saying(SEEN)]) as api:
        model = ClaudeModel(SONNET, base_url=api.url, backend="anthropic")
        line = asyncio.run(_in_rounds(place, tmp_path / "answers.jsonl", model, api))

    assert line["status"] == "unsupported"
    assert line["citations"][0]["match"] == "picture"
    assert shown == [0, 1]
    (file,) = tmp_path.rglob("*.png")
    assert file.parent.name == "pictures"

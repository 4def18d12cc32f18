"""Reports in a real browser, from disk and without a network: Chromium driven by selenium.

axe-core is looked for at `AXE_CORE` (the path of axe.min.js; `npm pack axe-core` holds it).
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from make_pdf import make_pdf
from reported import HOSTILE, batch_file, hostile_run

import docpager
from docpager.models.scripted import ScriptedModel, call
from docpager.report.reports import write_reports

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with its driver here"),
]
THEMES = ("light", "dark")
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield driver
    driver.quit()


QUOTE = "north crane was repaired in March 1974"


def cited_run(folder: Path) -> Path:
    """The journal of a run over a PDF of a hostile name and text, which cites words of it."""
    lines = "\n".join(f"Rope {n} was bought {HOSTILE[:40]}" for n in range(40))
    docs = folder / "docs"
    docs.mkdir()
    content = make_pdf(["Contents.", f"{lines}\nThe {QUOTE} by Tomas Berg.", "Rope."])
    (docs / "<img src=x onerror=alert(1)>.pdf").write_bytes(content)
    archive = folder / ".docpager"
    docpager.ingest([docs], archive, embedder="hashing")
    answer = call(
        "answer", text="In 1974.", citations=[{"locator": "D1:p2", "quote": QUOTE}], found=True
    )
    model = ScriptedModel(call("page_in", locator="D1:p2"), answer)
    line = docpager.ask("When was the crane repaired?", archive=archive, model=model)
    assert line.status == "answered", line
    return Path(line.journal)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("seen")
    cited = write_reports([cited_run(folder)], folder / "cited.html")
    journal = Path(hostile_run(folder).journal)
    run, index = (
        write_reports([journal], folder / "run.html"),
        write_reports([batch_file(folder, str(journal))], folder / "batch"),
    )
    many = write_reports([batch_file(folder, "none", rows=250)], folder / "many")
    return {"run": run[0], "index": index[0], "many": many[0], "cited": cited[0]}


def look(browser, page: Path, *, theme: str = "light", width: int = 1280) -> None:
    """Open a page; nothing may be logged, no text may have become a script."""
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    assert browser.title != "owned"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("which", ["run", "index", "cited"])
def test_a_page_loads_clean_at_any_width_and_theme(browser, pages, which, theme, width):
    look(browser, pages[which], theme=theme, width=width)

    sideways, paper = browser.execute_script(
        "const root = document.documentElement;"
        "return [root.scrollWidth - root.clientWidth, getComputedStyle(document.body).color]"
    )
    assert sideways <= 0
    assert (int(paper.partition("(")[2].split(",")[0]) > 128) == (theme == "dark")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("which", ["run", "index", "cited"])
def test_axe_finds_nothing(browser, pages, which, theme):
    axe = Path(os.environ.get("AXE_CORE", "axe.min.js"))
    if not axe.is_file():
        pytest.skip("AXE_CORE does not name axe.min.js")
    look(browser, pages[which], theme=theme)
    browser.execute_script(
        "for (const each of document.querySelectorAll('details')) each.open = true"
    )
    browser.execute_script(axe.read_text("utf-8"))

    found = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run().then(r => done(r.violations.map(v => [v.id, v.nodes[0].html])))"
    )

    assert found == []


def test_a_citation_opens_inside_its_text_and_steps_unfold_by_keyboard(browser, pages):
    look(browser, pages["run"])
    citation = browser.find_element("css selector", ".citations details")
    mark = citation.find_element("css selector", "mark")
    assert not mark.is_displayed()

    citation.find_element("css selector", "summary").send_keys("\ue007")  # Enter

    assert mark.is_displayed()
    assert "The crane stood here" in mark.text and "<script>" in mark.text
    button = browser.find_element("css selector", "[data-unfold=open]")
    button.send_keys(" ")
    steps = browser.find_elements("css selector", "details.step")
    assert len(steps) > 5 and all(step.get_attribute("open") for step in steps)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_citation_opens_its_page_with_the_words_marked(browser, pages, width):
    look(browser, pages["cited"], width=width)
    citation = browser.find_element("css selector", ".citations details")
    picture = citation.find_element("css selector", ".sheet svg")
    assert not picture.is_displayed()

    citation.find_element("css selector", "summary").send_keys("\ue007")  # Enter
    time.sleep(0.3)

    assert picture.is_displayed()
    text, mark, sheet, marked = (
        browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", each)
        for each in (
            citation.find_element("css selector", ".excerpt"),
            citation.find_element("css selector", "mark"),
            picture,
            citation.find_element("css selector", ".quoted"),
        )
    )
    assert text["top"] <= mark["top"] <= text["bottom"], "the text is scrolled to the quote"
    is_beside = sheet["left"] >= text["right"]
    assert is_beside == (width > 1000)
    assert sheet["left"] < marked["left"] < marked["right"] < sheet["right"]
    assert sheet["right"] <= width
    # The last of 41 lines of text, of which the first stands at 50 points and the page has 792.
    assert 0.3 < (marked["top"] - sheet["top"]) / sheet["height"] < 0.95
    decoded = browser.execute_async_script(
        "const done = arguments[arguments.length - 1], picture = new Image();"
        "picture.onload = () => done([picture.naturalWidth, picture.naturalHeight]);"
        "picture.onerror = () => done(null);"
        "picture.src = document.querySelector('.sheets image').getAttribute('href');"
    )
    assert decoded == [935, 1210]
    assert browser.get_log("browser") == []


def shown(browser, column: int) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[arguments[0]].textContent)",
        column,
    )


def test_the_table_sorts_by_number_and_says_how(browser, pages):
    look(browser, pages["index"])
    head = browser.find_elements("css selector", "#table thead th")[7]

    head.find_element("css selector", "button").send_keys("\ue007")

    tokens = [int(text.replace(",", "")) for text in shown(browser, 7)]
    assert tokens == sorted(tokens) and len(set(tokens)) == 40
    assert head.get_attribute("aria-sort") == "ascending"
    head.find_element("css selector", "button").click()
    assert [int(text.replace(",", "")) for text in shown(browser, 7)] == tokens[::-1]


def test_the_table_filters_searches_and_opens_a_run(browser, pages):
    look(browser, pages["index"])
    find = browser.find_element("id", "find")
    status = browser.find_element("id", "status")

    status.send_keys("failed")
    find.send_keys("question 33")
    time.sleep(0.4)

    assert shown(browser, 0) == ["q33"]
    assert browser.find_element("id", "shown").text == "1 of 40 found, rows 1 to 1 shown"
    look(browser, pages["index"])
    browser.find_element("link text", "q0").click()
    assert browser.current_url.endswith("runs/q0.html")
    assert HOSTILE.split("\x1b")[0].strip() in browser.find_element("css selector", "h1").text
    assert browser.get_log("browser") == []
    browser.find_element("link text", "All questions of the batch").click()
    assert browser.current_url.endswith("index.html")


def test_a_long_table_is_turned_page_by_page_and_sorted_as_a_whole(browser, pages):
    look(browser, pages["many"])
    assert len(shown(browser, 0)) == 100

    browser.find_element("id", "on").click()
    browser.find_element("id", "on").click()

    assert shown(browser, 0) == [f"q{n}" for n in range(200, 250)]
    assert not browser.find_element("id", "on").is_enabled()
    seconds = browser.find_elements("css selector", "#table thead button")[9]
    seconds.click()
    seconds.click()
    assert shown(browser, 9)[0] == "124.5" and shown(browser, 0)[0] == "q249"
    assert browser.find_element("id", "shown").text == "250 of 250 found, rows 1 to 100 shown"

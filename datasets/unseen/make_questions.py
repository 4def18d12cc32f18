"""Write questions.jsonl; the evidence pages are found by the marker given with each question.

python make_questions.py   (after make_unseen.py)
"""

import json
import re
from pathlib import Path

import pypdfium2

HERE = Path(__file__).resolve().parent
DOCUMENTS = HERE / "documents"

D1, D2, W, A = "diary_part1.pdf", "diary_part2.pdf", "waterworks.pdf", "agreement.pdf"
F, T, M = "football_minutes.txt", "tidewire_handbook.md", "museum_catalogue.jsonl"

# kind, question, answers (a list of lists = several parts), evidence [(document, marker)], rivals
QUESTIONS = [
    (
        "fact",
        "Which of the mules refused to swim ashore at Coal Oyster Bay and returned to the ship?",
        ["Bishop"],
        [(D1, "turned round half way and swam back")],
        [],
    ),
    (
        "fact",
        "In which direction from the cairn was the food buried at the depot where the compass could not be trusted?",
        ["north"],
        [(D1, "buried the food to the north")],
        [],
    ),
    (
        "fact",
        "How many footholds were hacked into the ice below the summit of Mount Ferrier?",
        ["four hundred and twelve", "412"],
        [(D2, "four hundred and twelve steps")],
        [],
    ),
    (
        "fact",
        "How did the expedition's cook earn his living after the return?",
        ["bakery", "baker"],
        [(D2, "opened a bakery in Port Averil")],
        [],
    ),
    (
        "fact",
        "To what species did the bat belong that nobody could name in the summer of 2018?",
        ["barbastelle"],
        [(F, "It is a barbastelle")],
        [],
    ),
    (
        "fact",
        "Who pressed the switch when the football club's floodlights shone for the first time?",
        ["Miss Harkaway", "Harkaway"],
        [(F, "by Miss Harkaway, who had been asked")],
        [],
    ),
    (
        "fact",
        "What did the blacksmith charge for putting the crooked floodlight mast right?",
        ["380"],
        [(F, "by the smithy at Ardle, 380 crowns")],
        [],
    ),
    (
        "fact",
        "Above what share of foreign material can a delivery of waste paper be rejected?",
        ["seven per cent", "7 per cent", "7%", "7 %"],
        [(A, "more than seven per cent by weight")],
        [],
    ),
    (
        "fact",
        "How long must the refuse company store the data showing where its lorries have been?",
        ["fourteen months", "14 months"],
        [(A, "kept for fourteen months")],
        [],
    ),
    (
        "fact",
        "How long must the leading Tidewire daemon be silent before its partner steps in?",
        ["75 seconds"],
        [(T, "silent for 75 seconds")],
        [],
    ),
    (
        "fact",
        "For how many hours did muddy water put the Saint Brannoc intake out of service in November?",
        ["thirty-eight", "38"],
        [(W, "thirty-eight hours because of turbid water")],
        [],
    ),
    (
        "fact",
        "What purpose did the carved woman from the bow of the Clementine serve on a farm?",
        ["scarecrow"],
        [(M, "as a scarecrow at Nether Farm")],
        [],
    ),
    (
        "table",
        "How many megawatt-hours of electricity did the treatment works at Hollin Clough use in 2022?",
        ["2,664"],
        [(W, "Hollin Clough treatment 2,317")],
        ["2,317", "2,702"],
    ),
    (
        "table",
        "How many bursts of mains were counted in Ardle in 2021?",
        ["39"],
        [(W, "Ardle 47 88 39")],
        ["47", "88"],
    ),
    (
        "table",
        "What amount, in thousands of crowns, did the Waterworks owe the Pension Fund of the Quarrymen at the end of 2021?",
        ["9,200"],
        [(W, "6,900 8,050 9,200")],
        ["6,900", "8,050"],
    ),
    (
        "table",
        "What was the sewage charge per cubic metre in 2022?",
        ["2.06"],
        [(W, "Sewage per cubic metre 2.14")],
        ["2.14", "1.99"],
    ),
    (
        "table",
        "How many millimetres of rain fell at the dam in August 2022?",
        ["39"],
        [(W, "August 164 39 112")],
        ["164", "112"],
    ),
    (
        "table",
        "What is the price for emptying a glass bank in zone D under the collection agreement?",
        ["27.10"],
        [(A, "Glass bank emptying 23.40")],
        ["23.40", "39.80"],
    ),
    (
        "table",
        "How many stations can Tidewire's modbus driver serve at one port?",
        ["31"],
        [(T, "| `modbus` | RS-485 | 31 |")],
        ["62", "250", "99"],
    ),
    (
        "combine",
        "What did the football club's floodlights cost altogether, and what sum did Quennell's final account show for the new roof (without gutters)?",
        [["13,870"], ["17,600"]],
        [
            (F, "Total cost including cable, concrete and beer: 13,870"),
            (F, "Final account of Messrs Quennell 17,600"),
        ],
        [],
    ),
    (
        "combine",
        "How long was the base line that the Tessaray Survey measured near the landing place, and by how much did its line of levels fail to close at the end?",
        [
            ["eight hundred and forty yards", "840 yards"],
            ["one foot and seven inches", "1 foot 7 inches"],
        ],
        [(D1, "eight hundred and forty yards"), (D2, "one foot and seven inches")],
        [],
    ),
    (
        "combine",
        "How many grey bins were counted in zone A for the collection agreement, and how many water connections did Saint Brannoc have at the end of 2023?",
        [["5,380"], ["8,264"]],
        [(A, "A Saint Brannoc town 6,214 5,380"), (W, "Saint Brannoc 8,264 7,937")],
        [],
    ),
    (
        "combine",
        "At what depth did the groundsman come upon the hollow elm logs, and how long is the elm water pipe in the museum?",
        [["one metre ten", "1.10 m"], ["1.84 m"]],
        [(F, "at a depth of one metre ten"), (M, "Bored log, length 1.84 m")],
        [],
    ),
    (
        "chain",
        "After the Settling-in Period, what sum is deducted from the refuse carrier's payment for each round that is not begun on its day?",
        ["1,180"],
        [
            (A, "a round that is not begun on its day, class R"),
            (A, "Class R belongs to group V."),
            (A, "group V, 1,180 crowns"),
        ],
        ["650", "140"],
    ),
    (
        "chain",
        "An old Tidewire configuration sets basin.dir. What is the default value of the setting that has taken its place in version 4.3?",
        ["/var/lib/tidewire/store"],
        [
            (T, "`basin.dir` is now called `spool.root`"),
            (T, "`spool.root` is now called `store.path`"),
            (T, "| `store.path` | `/var/lib/tidewire/store` |"),
        ],
        [],
    ),
    (
        "chain",
        "Follow the catalogue from the bell of the Clementine: who gave the museum the object that was made of its clapper?",
        ["Amina Stellenberg", "Dr Stellenberg"],
        [
            (M, "DH-0185. Bell of the Clementine"),
            (M, "DH-0312. Brass door handle"),
            (M, "DH-0377. Wind vane"),
        ],
        [],
    ),
    ("unanswerable", "In what year was Captain Elspeth Rudd born?", [], [], []),
    (
        "unanswerable",
        "What was the operating surplus of the Vell Valley Waterworks in 2019?",
        [],
        [],
        [],
    ),
    (
        "unanswerable",
        "Which firm manufactured the three replacement floodlight lamps that the football club bought in 2021?",
        [],
        [],
        [],
    ),
    (
        "unanswerable",
        "Since which version has Tidewire had a driver for Bluetooth stations?",
        [],
        [],
        [],
    ),
]


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def pages(document: str) -> list[tuple[str, int | None, str]]:
    """(name to cite, pdf_page, text) of every page, text file or JSONL line."""
    path = DOCUMENTS / document
    if path.suffix == ".pdf":
        pdf = pypdfium2.PdfDocument(path)
        return [
            (document, i + 1, squeeze(pdf[i].get_textpage().get_text_bounded()))
            for i in range(len(pdf))
        ]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [
            (f"{document}#{i}", None, squeeze(json.loads(line)["text"]))
            for i, line in enumerate(text.splitlines(), 1)
        ]
    return [(document, None, squeeze(text))]


def main() -> None:
    cache = {name: pages(name) for name in (D1, D2, W, A, F, T, M)}
    lines = []
    for serial, (kind, question, answers, evidence, rivals) in enumerate(QUESTIONS, 1):
        found = []
        for document, marker in evidence:
            hits = [(name, page) for name, page, text in cache[document] if marker in text]
            if len(hits) != 1:
                raise SystemExit(
                    f"question {serial}: marker {marker!r} stands on {len(hits)} pages of {document}: {hits}"
                )
            place = {"document": hits[0][0], "pdf_page": hits[0][1]}
            if place not in found:
                found.append(place)
        entry = {
            "id": f"u{serial:02d}",
            "question": question,
            "answers": answers,
            "evidence": found,
            "kind": kind,
        }
        if answers and isinstance(answers[0], list):
            entry["answers"], entry["parts"] = [part[0] for part in answers], answers
        if rivals:
            entry["rivals"] = rivals
        lines.append(json.dumps(entry, ensure_ascii=False))
    (HERE / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(lines)} questions")


if __name__ == "__main__":
    main()

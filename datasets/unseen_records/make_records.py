"""Write the parcel hand-over book and its ten questions; the same bytes on every run.

python make_records.py
"""

import datetime
import json
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLIOS = 250
FIRST = 101
# links of every chain that is asked for; the other folios are spread over chains nobody asks for
ASKED = [1, 1, 2, 2, 3, 3, 4, 4, 5, 6]

THINGS = "A crate of lamp glass|A roll of sailcloth|A keg of white lead|A box of type|A bale of hemp|A violin case, locked|A hamper of linen|A tea chest, lined with zinc|A clock in sacking|A bundle of fishing rods|A barrel of salt herring|A saddle with stirrups|A cask of turpentine|A basket of live eels|A parcel of music|A coil of copper wire|A picture in a flat case|A sewing machine|A sack of seed barley|A trunk with brass corners|A demijohn of vinegar|A cheese in a cloth|A pair of oars|A mirror, wrapped in straw".split(
    "|"
)
CLERKS = "Lunn|Sorel|Mrs Abney|Kettleby|young Farr|Old Tansley|Miss Pruett|Dacre".split("|")
PLACES = "Harbour Gate|Mill Bridge|the weigh house|Corn Street|the north quay|the ferry stage|Tollbar|the railway arch|Fish Row".split(
    "|"
)
WOMEN = (
    "Mrs|Miss|Dr|Widow".split("|"),
    "Alma|Cosima|Edith|Frieda|Hester|Jemima|Lavinia|Nora|Petra|Rhoda|Thea|Verity|Xenia|Zelda".split(
        "|"
    ),
)
MEN = (
    "Mr|Captain|Canon|Sergeant".split("|"),
    "Bertil|Dorian|Gustav|Ivo|Konrad|Magnus|Osric|Quentin|Silas|Ulric|Wilfred|Yorick".split("|"),
)
SURNAMES = "Imhof|Barrow|Castell|Dunmore|Eskdale|Fairlie|Gromm|Halloran|Ibbotson|Jessel|Kray|Lowther|Mandel|Nesbit|Orchard|Pascoe|Quayle|Rendle|Stroud|Tamsin|Upjohn|Venning|Wexler|Yardley|Zoller|Ambrose|Bickford|Corvin|Delacourt|Enderby".split(
    "|"
)
STREETS = "Quay Street|Chandlers' Yard|Upper Ropewalk|Salt Lane|Bishop's Steps|Dyer's Row|Plum Alley|Long Wall|St Anne's Close|Potter's Field".split(
    "|"
)


def main() -> None:
    rng = random.Random(20261121)
    lengths = list(ASKED)
    while sum(lengths) + len(lengths) < FOLIOS:
        left = FOLIOS - sum(lengths) - len(lengths)
        lengths.append(min(rng.choice([0, 0, 1, 1, 2, 2, 3, 4, 5, 6]), left - 1))
    folios = list(range(FIRST, FIRST + FOLIOS))
    rng.shuffle(folios)
    chains, used = [], 0
    for links in lengths:
        chains.append(sorted(folios[used : used + links + 1]))
        used += links + 1

    days = sorted(rng.randrange(300) for _ in range(FOLIOS))
    opened = datetime.date(1931, 1, 5)
    people = [
        (title, forename, surname)
        for titles, forenames in (WOMEN, MEN)
        for forename in forenames
        for surname in SURNAMES
        for title in titles
    ]
    rng.shuffle(people)
    houses = [f"{number} {street}" for street in STREETS for number in range(1, 40)]
    rng.shuffle(houses)
    names: set[str] = set()
    lines: dict[int, str] = {}
    ends = []
    for chain in chains:
        thing, weight = rng.choice(THINGS), rng.randrange(2, 60)
        while True:
            person = " ".join(people.pop())
            if person.split(" ", 1)[1] not in names:
                names.add(person.split(" ", 1)[1])
                break
        house = houses.pop()
        ends.append((person, house))
        for position, folio in enumerate(chain):
            day = opened + datetime.timedelta(days=days[folio - FIRST])
            taken = f"taken in by {rng.choice(CLERKS)} at {rng.choice(PLACES)}"
            onward = (
                f"given up to {person}, {house}"
                if position + 1 == len(chain)
                else f"sent on, see folio {chain[position + 1]}"
            )
            lines[folio] = (
                f"Folio {folio}, {day.day} {day:%B} {day.year}. {thing}, {weight} pounds, {taken} and {onward}."
            )
    head = [
        "Hand-over book of the carriers' office at Norrhaven, second volume, 1931",
        "A parcel is entered anew on every occasion that it changes hands; the last entry tells to whom it was given up.",
        "",
    ]
    (HERE / "handover_book.txt").write_text(
        "\n".join(head + [lines[folio] for folio in sorted(lines)]) + "\n",
        encoding="utf-8",
        newline="\n",
    )

    wordings = [
        (
            "name",
            "A parcel is entered on folio {} of the hand-over book. To whom was it given up in the end?",
        ),
        ("address", "At which address did the parcel of folio {} arrive in the end?"),
        ("name", "Who finally received what was taken in on folio {}?"),
        (
            "name",
            "Follow the entries from folio {}: what is the name of the person who got the parcel?",
        ),
        (
            "address",
            "Where, house number and street, was the parcel entered on folio {} given up at last?",
        ),
    ]
    questions = []
    for serial, (links, chain, (person, house)) in enumerate(
        zip(ASKED, chains, ends, strict=False), 1
    ):
        asks, wording = wordings[(serial - 1) * 3 % 5]
        questions.append(
            {
                "id": f"r{serial:02d}",
                "question": wording.format(chain[0]),
                "answers": [person if asks == "name" else house],
                "evidence": [{"document": "handover_book.txt", "pdf_page": None}],
                "kind": f"{links} link" + "s" * (links > 1),
                "start": str(chain[0]),
                "end": str(chain[-1]),
                "links": links,
                "asks": asks,
            }
        )
    (HERE / "records_questions.jsonl").write_text(
        "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions),
        encoding="utf-8",
        newline="\n",
    )
    print(f"{len(lines)} records, {len(questions)} questions")


if __name__ == "__main__":
    main()

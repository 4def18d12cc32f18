from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.paging.token_calibration import ScriptScale

SCALE = ScriptScale()
TEXTS = {
    "english": "The revenue of the segment rose in the third quarter and is expected to grow. ",
    "german": "Die Umsatzerlöse der Gesellschaft stiegen im dritten Quartal und werden wachsen. ",
    "french": "Le chiffre d'affaires de la société est en hausse pour les trois premiers mois. ",
    "spanish": "Los ingresos de la empresa subieron en el tercer trimestre y se espera más. ",
    "digits": "12,345 67,890 2018 2019 4,321 98,765 ",
    "identifiers": "aB3xY9qL2mZ7kR1tW8 fooBarBazQux ",
    "ideographs": "公司的年度报告显示，本财年净利润有所增长。",
    "cyrillic": "Выручка компании выросла в третьем квартале этого года. ",
    "latin": "Przychody firmy wzrosły ponownie trzecim kwartale roku bieżącego. ",
}


@pytest.mark.parametrize("script", TEXTS)
def test_most_of_a_text_is_of_its_own_script(script: str) -> None:
    weights = SCALE.weigh(TEXTS[script] * 5, 1_000)

    assert max(weights, key=lambda name: weights[name]) == script


@given(st.text(max_size=80), st.integers(0, 5_000))
def test_the_weights_are_the_tokens_that_were_counted(text: str, tokens: int) -> None:
    weights = SCALE.weigh(text, tokens)

    missing = 100 * tokens - sum(weights.values())
    assert all(weight >= 0 for weight in weights.values())
    assert 0 <= missing <= len(weights) or not text


def test_a_few_common_words_do_not_make_a_table_english() -> None:
    weights = SCALE.weigh("the Umsatz Kosten Gewinn Steuern Abgaben Rücklagen Anlagen " * 4, 100)

    assert weights["latin"] > 0.3 * sum(weights.values())

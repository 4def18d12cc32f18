"""Texts in old encodings are read as people wrote them, and guesses are said to be guesses."""

from time import process_time

import pytest

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.encodings import decode_text
from docpager.documents.reasons import Reason

CONTRACTS = {
    "gbk": "本合同自双方签字盖章之日起生效。甲方应在收到发票后三十日内支付货款，逾期支付违约金。",
    "big5": "本合約自雙方簽字蓋章之日起生效。甲方應在收到發票後三十日內支付貨款，逾期支付違約金。",
    "shift_jis": "本契約は双方が署名した日から効力を生じる。会議室の予約は前日までに行うこと。",
    "euc_jp": "本契約は双方が署名した日から効力を生じる。会議室の予約は前日までに行うこと。",
    "euc_kr": "본 계약은 양 당사자가 서명한 날부터 효력이 발생한다. 대금은 삼십일 이내에 지급한다.",
    "cp1251": "Настоящий договор вступает в силу с момента подписания сторонами.",
    "koi8_r": "Настоящий договор вступает в силу с момента подписания сторонами.",
    "cp1250": "Niniejsza umowa wchodzi w życie z dniem podpisania przez strony. Źródło: książka.",
    "iso8859_2": "Tato smlouva nabývá účinnosti dnem podpisu oběma stranami. Příloha je součástí.",
    "cp1253": "Η παρούσα σύμβαση τίθεται σε ισχύ από την ημερομηνία υπογραφής της.",
    "cp1254": "Bu sözleşme taraflarca imzalandığı tarihte yürürlüğe girer ve beş yıl geçerlidir.",
    "cp1255": "הסכם זה ייכנס לתוקף ביום חתימתו על ידי הצדדים ויעמוד בתוקפו חמש שנים.",
    "cp1256": "تدخل هذه الاتفاقية حيز التنفيذ اعتبارا من تاريخ توقيعها من قبل الطرفين.",
    "tis_620": "สัญญานี้มีผลบังคับใช้ตั้งแต่วันที่ลงนามโดยคู่สัญญาทั้งสองฝ่าย",
    "latin_1": "Le présent contrat entre en vigueur à la date de sa signature par les parties.",
    "cp1252": "Der Vertrag tritt mit Unterzeichnung in Kraft – „für fünf Jahre“, gemäß Anhang.",
    "mac_roman": "Le présent contrat entre en vigueur à la date de sa signature par les associés.",
    "cp850": "Der Vertrag für die Straße tritt mit der Unterschrift beider Parteien in Kräfte.",
}


@pytest.mark.parametrize("encoding", CONTRACTS)
def test_old_encodings_are_recognised_and_said_to_be_guessed(encoding):
    text = f"{CONTRACTS[encoding]}\n" * 2

    decoded = decode_text(text.encode(encoding), "contract.txt")

    assert decoded.text == text
    assert decoded.doubt is Reason.GUESSED


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.md", "a.yaml"])
def test_a_document_of_any_text_kind_says_that_its_encoding_was_guessed(name):
    (document,) = read_content(CONTRACTS["gbk"].encode("gbk"), name, Instructions()).documents

    assert "违约金" in document.text
    assert document.doubtful == ((0, Reason.GUESSED),)


def test_only_records_with_letters_beyond_ascii_are_doubtful():
    lines = '{"text": "违约金按日支付，甲方应在收到发票后三十日内支付货款"}\n{"text": "plain"}\n'

    documents = read_content(lines.encode("gbk"), "a.jsonl", Instructions()).documents

    assert [document.doubt for document in documents] == [Reason.GUESSED, None]


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<?xml version='1.0' encoding='windows-1251'?>\n<p>{}</p>", "cp1251"),
        ('<html><head><meta charset="koi8-r"></head>{}', "koi8-r"),
        ("<meta http-equiv=Content-Type content='text/html; charset=iso-8859-5'>{}", "iso8859-5"),
        ("# -*- coding: cp1251 -*-\nx = '{}'", "cp1251"),
        ("#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\nx = '{}'", "koi8-r"),
        (";;; x.el -*- mode: lisp; coding: iso-8859-5; -*-\n{}", "iso8859-5"),
        ("\\documentclass{{article}}\n\\usepackage[koi8-r]{{inputenc}}\n{}", "koi8-r"),
        ("{}\n\n// vim: fenc=cp1251", "cp1251"),
        ("{}", "utf-8-sig"),
        ("{}", "utf-16"),
    ],
)
def test_what_a_text_says_of_its_encoding_is_obeyed(head, encoding):
    text = head.format("Даты: дом")

    decoded = decode_text(text.encode(encoding), "a.txt")

    assert decoded.text == text
    assert decoded.doubt is None


def test_what_a_mail_says_goes_before_what_its_html_says():
    text = '<meta charset="utf-8">Даты'

    assert decode_text(text.encode("koi8-r"), "a.html", "koi8-r").text == text


def test_a_declaration_that_the_bytes_contradict_is_not_followed():
    polish = "Wartość zamówienia: książka, źródło, żółty"

    assert decode_text(polish.encode(), "a.html", "iso-8859-2").text == polish
    assert decode_text(polish.encode("cp1250"), "a.html", "utf-8").doubt is Reason.GUESSED
    assert decode_text(polish.encode("cp1250"), "a.html", "no-such-code").text == polish


@pytest.mark.parametrize("bad", [b"\xe9", b"\xff\xfe", b"\x80"])
def test_utf8_with_a_few_bad_bytes_stays_utf8_and_says_so(bad):
    good = "Le bénéfice de l’exercice s’élève à 12 millions d’euros.\n"

    decoded = decode_text(good.encode() * 20 + bad + good.encode() * 20, "a.txt")

    assert decoded.text.replace("�", "") == good * 40
    assert decoded.doubt is Reason.BAD_BYTES


def test_utf8_cut_within_its_last_character_stays_utf8():
    decoded = decode_text("Прибыль до налогообложения".encode()[:-1], "a.txt")

    assert decoded.text == "Прибыль до налогообложени�"
    assert decoded.doubt is Reason.BAD_BYTES


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Revenue was 12.\n", "违约金按日支付。\r\n合同 2023\n"])
def test_utf16_without_a_mark_is_seen_by_its_zeros(encoding, text):
    assert decode_text((text * 9).encode(encoding), "a.txt").text == (text * 9).replace("\r", "")


@pytest.mark.parametrize("text", ["Café à Évreux", "Société du Café, lot 0", "El niño"])
def test_a_few_words_are_western_unless_they_say_otherwise(text):
    assert decode_text(text.encode("cp1252"), "a.txt").text == text


def test_japanese_in_seven_bits_is_known_by_its_escapes():
    text = "本契約は双方が署名した日から効力を生じる。"

    assert decode_text(text.encode("iso2022_jp"), "a.txt").text == text


def test_binary_data_is_refused():
    with pytest.raises(DocumentError, match="is not text but binary data"):
        decode_text(bytes(range(256)) * 9, "a.txt")


def test_a_late_line_in_another_encoding_is_found_in_a_large_file():
    content = b"plain words of a log\n" * 20_000 + CONTRACTS["cp1251"].encode("cp1251")

    assert CONTRACTS["cp1251"] in decode_text(content, "a.log").text


def test_time_grows_with_the_length_and_no_faster():
    piece = f"{CONTRACTS['cp1250']}\n".encode("cp1250") * 2_000
    decode_text(piece, "a.txt")

    def seconds(content: bytes) -> float:
        begun = process_time()
        decode_text(content, "a.txt")
        return process_time() - begun

    assert seconds(piece * 16) < 40 * max(seconds(piece), 0.02)

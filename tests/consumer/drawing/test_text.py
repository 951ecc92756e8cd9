"""Text in many languages: found in the packaged fonts, shaped, shortened and drawn."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import features

from consumer.drawing import text
from consumer.drawing.fonts import FOLDER, font_of, fonts
from consumer.drawing.text import ELLIPSIS, MISSING, clusters, draw, draw_digits, shortened, width

LABELS = {
    "Latin": "Crème brûlée Łódź straße Đà Nẵng",
    "Greek": "Αυτοκίνητο",
    "Cyrillic": "велосипед",
    "Armenian": "մեքենա",
    "Georgian": "მანქანა",
    "Hebrew": "מכונית",
    "Arabic": "سيارة",
    "Persian": "دوچرخه",
    "Devanagari": "हिन्दी कार",
    "Bengali": "গাড়ি",
    "Gurmukhi": "ਕਾਰ",
    "Gujarati": "કાર",
    "Tamil": "மிதிவண்டி",
    "Telugu": "కారు",
    "Kannada": "ಕಾರು",
    "Malayalam": "കാർ",
    "Sinhala": "මෝටර් රථය",
    "Thai": "รถยนต์",
    "Lao": "ລົດ",
    "Khmer": "រថយន្ត",
    "Myanmar": "ကား",
    "Ethiopic": "መኪና",
    "Chinese": "自行车 自行車",
    "Japanese": "自転車 くるま バイク",
    "Korean": "자전거 강아지",
    "signs": "80 °C ½ € → ♥ ☂ 😀",
}


@pytest.mark.parametrize("language", LABELS)
def test_labels_of_many_languages_have_every_glyph(language: str) -> None:
    """None is replaced, and each is drawn."""
    label = LABELS[language]

    assert MISSING not in "".join(clusters(label))
    assert draw(label, 20, 40, 30).max() > 200


def test_every_file_is_a_font_with_a_licence() -> None:
    """NOTICES.md names each, and each is asked for characters."""
    notices = (FOLDER.parents[2] / "NOTICES.md").read_text()
    names = {path.name for path in FOLDER.glob("*.ttf")}

    assert names == {font.path.name for font in fonts()}
    assert [name for name in names if name.removesuffix(".ttf") not in notices] == []


@pytest.mark.parametrize("character", ["\U000f0000", "\ue000", "\u0378", "\U00013000", "\ud800", "\U0001f9ff"])
def test_what_no_font_has_is_a_hollow_square(character: str) -> None:
    """Not a question mark, which a label may have itself; accents on it are dropped."""
    assert clusters(f"a{character}\u0301b?") == ["a", MISSING, "b", "?"]
    assert np.array_equal(draw(MISSING, 20, 40, 30), draw("".join(clusters(character)), 20, 40, 30))


def test_letters_stay_with_their_accents() -> None:
    """Normalised; blanks of any kind are one blank, and controls do nothing."""
    assert clusters("e\u0301\u0323x") == [unicodedata.normalize("NFC", "e\u0301\u0323"), "x"]
    assert clusters("a\nb\tc\u00a0d\x00e\u202ef\ufe0f") == [*"a b c d e", *"f"]
    assert clusters("नि") == ["नि"]


def test_accents_are_not_piled_up() -> None:
    """A letter with a hundred accents takes no more room than one with a few."""
    assert len("".join(clusters("a" + "\u0316" * 100))) < 8


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no libraqm")
def test_complex_scripts_are_shaped() -> None:
    """Arabic letters join and Devanagari's vowel signs move: the whole is not the sum of its letters."""
    for word in ("سيارة", "कि", "හ්‍ර"):
        letters = np.concatenate([draw(letter, 40, 80, 60) for letter in word], axis=1)
        whole = draw(word, 40, 80, 60)
        assert whole.shape[1] < letters.shape[1]


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no libraqm")
def test_arabic_is_written_from_right_to_left() -> None:
    """The first letter, alif, a bare stroke, is at the right; also if another font has what follows."""
    word, mixed = draw("اسس", 40, 80, 60), draw("اسس 猫", 40, 80, 60)

    high = np.flatnonzero(word[:40].max(axis=0) > 100)
    assert len(high)
    assert high.min() > word.shape[1] * 2 / 3
    assert np.abs(mixed[:, -word.shape[1] :].astype(int) - word).mean() < 12
    assert np.array_equal(draw("猫 ab", 40, 80, 60)[:, :30], draw("猫", 40, 80, 60)[:, :30])


def test_a_text_is_shortened_to_the_room_there_is() -> None:
    """At a letter with all its accents; what fits stays whole."""
    for label in LABELS.values():
        whole = width("".join(clusters(label)), 20)
        assert shortened(label, 20, whole) == "".join(clusters(label))
        short = shortened(label, 20, whole * 2 // 3)
        assert short.endswith(ELLIPSIS)
        assert width(short, 20) <= whole * 2 // 3 or short == ELLIPSIS
        assert "".join(clusters(label)).startswith(short[:-1])
    assert shortened("abc", 20, 0) == ELLIPSIS


def test_a_very_long_text_costs_no_more_than_a_long_one() -> None:
    assert shortened("word " * 100_000, 20, 300) == shortened("word " * 100, 20, 300)


def test_digits_drawn_one_by_one_look_like_text() -> None:
    """Kerning apart, which digits do not have."""
    note = "87% 1.4 s ago"
    apart, together = draw_digits(note, 19, 27, 20), draw(note, 19, 27, 20)

    assert abs(apart.shape[1] - together.shape[1]) <= len(note)
    assert abs(float(apart.sum()) - float(together.sum())) < 0.05 * float(together.sum())


def test_letters_that_are_too_high_are_cut_off() -> None:
    """A mask has the height that was asked for, whatever is stacked on a letter."""
    assert draw("Ǻ́́́ก็็็", 60, 40, 30).shape[0] == 40


def test_threads_may_draw_at_the_same_time() -> None:
    """Each gets what it would get alone."""
    labels = list(LABELS.values()) * 8
    alone = [draw(label, 17, 30, 22).copy() for label in labels]
    text._kept = type(text._kept)(1, lambda mask: mask.nbytes)  # keep nothing
    try:
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda label: draw(label, 17, 30, 22), labels))
    finally:
        text._kept = type(text._kept)(text.MOST_BYTES, lambda mask: mask.nbytes)

    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_font_is_asked_in_order() -> None:
    """Latin letters of a Chinese font are not used."""
    names = [font.path.name if (font := font_of(character)) else None for character in "aй猫कก"]

    assert names == [
        *("DejaVuSans.ttf", "DejaVuSans.ttf", "WenQuanYiMicroHei.ttf"),
        *("NotoSansDevanagari.ttf", "NotoSansThai.ttf"),
    ]

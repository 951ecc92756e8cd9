"""The list of users and their passwords, as the command reads them."""

from pathlib import Path

import pytest

from shared.bus import Bus, DeclaredUser, users
from shared.bus.users import Users
from shared.errors import BusError, SettingsError
from shared.users import main, read_list, read_passwords

PASSWORD = "a-password-of-24-letters"


def listed(folder: Path, text: str) -> Path:
    path = folder / "users.toml"
    path.write_text(text)
    return path


def test_a_list(tmp_path: Path) -> None:
    path = listed(tmp_path, '[a]\nread = ["in"]\nwrite = ["out*"]\ngroups = ["go*"]\n[b]\nalter = ["*"]\n[c]\n')
    a, b, c = read_list(path)

    assert a.acls() == {
        ("TOPIC", "in", "LITERAL", "READ"),
        ("TOPIC", "in", "LITERAL", "DESCRIBE"),
        ("TOPIC", "out", "PREFIXED", "WRITE"),
        ("TOPIC", "out", "PREFIXED", "DESCRIBE"),
        ("TOPIC", "out", "PREFIXED", "DESCRIBE_CONFIGS"),
        ("GROUP", "go", "PREFIXED", "READ"),
        ("GROUP", "go", "PREFIXED", "DESCRIBE"),
    }
    assert {name for _, name, _, _ in b.acls()} == {"*"}
    assert {pattern for _, _, pattern, _ in b.acls()} == {"LITERAL"}  # Kafka's own sign for all names
    assert c.acls() == set()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[a]\nreads = []\n", "[a] must be a table of read, write, alter and groups"),
        ("a = 1\n", "[a] must be a table"),
        ('[a]\nread = "in"\n', "[a] read: got 'in'; allowed: a list of names"),
        ("[a]\nread = [1]\n", "[a] read: got [1]"),
        ("[a\n", "users.toml: "),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_list(listed(tmp_path, text))
    assert mistake in caught.value.mistakes[0]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("secret", "PASSWORDS: got ***; allowed: a JSON object"),
        ('["secret"]', "PASSWORDS: got ***"),
        ('{"a": 1}', "PASSWORDS: got ***"),
        ('{"a": "secret"}', "PASSWORDS[a]: got 6 characters; allowed: at least 16"),
        (f'{{"b": "{PASSWORD}"}}', "PASSWORDS[b]: got the user 'b'; allowed: those of the list"),
    ],
)
def test_wrong_passwords_are_refused_and_not_quoted(text: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_passwords(text, [DeclaredUser("a")])
    assert mistake in caught.value.mistakes[0]
    assert "secret" not in caught.value.mistakes[0]


def test_passwords() -> None:
    assert read_passwords("", [DeclaredUser("a")]) == {}
    assert read_passwords(f'{{"a": "{PASSWORD}"}}', [DeclaredUser("a")]) == {"a": PASSWORD}


def test_the_command_ends_with_2_for_a_wrong_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(listed(tmp_path, "a = 1\n")), "--bootstrap", "127.0.0.1:1"]) == 2
    assert capsys.readouterr().err.startswith("users: ")


def test_brokers_that_do_not_answer_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the user, and says what happened."""
    monkeypatch.setattr(users, "REQUEST_TIMEOUT_S", 0.2)

    with pytest.raises(BusError) as caught:
        Users(Bus("127.0.0.1:1")).set_password("producer", "pa55")

    name, _, reason = str(caught.value).partition(": ")
    assert name == "producer"
    assert reason[0] not in " :"
    assert "pa55" not in reason

"""Who may come in."""

import pytest

from messenger.workflow.command import main
from messenger.workflow.http.guard import BadToken, Guard, read_token
from messenger.workflow.http.refusal import HttpRefusal

from .speaking import serving

TOKEN = "correct-horse-battery"  # noqa: S105


@pytest.fixture(scope="module")
def guarded(http_database):
    """A server whose token came from the environment."""
    with serving(http_database, MESSENGER_WORKFLOW_TOKEN=TOKEN) as served:
        yield served


@pytest.fixture
def stranger(guarded):
    with guarded.connect() as client:
        yield client


WRONG = [
    None,
    "",
    TOKEN,
    f"Basic {TOKEN}",
    "Bearer",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    "Bearer \xff",
]


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize("path", ["/v1/tasks/1", "/metrics", "/readyz", "/openapi.json", "/no/such/path"])
def test_without_the_token_nothing_is_told(path, given, stranger):
    """Not even which paths there are."""
    answer = stranger.ask("GET", path, None, {} if given is None else {"authorization": given})

    assert (answer.code, answer.headers["www-authenticate"]) == ((401, "unauthorized"), "Bearer")


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}"])
def test_with_the_token_all_is(given, stranger):
    assert stranger.ask("GET", "/readyz", None, {"authorization": given}).status == 200


def test_health_is_told_to_everybody(stranger):
    """What watches over processes knows no secrets."""
    assert stranger.ask("GET", "/healthz").status == 200


def test_a_body_is_not_read_for_a_stranger(stranger):
    stranger.send("POST", "/v1/workflows/default/x/tasks", None, {"content-length": "1000000"})

    assert stranger.read().code == (401, "unauthorized")


def test_a_token_comes_from_a_file_and_is_told_nowhere(http_database, tmp_path):
    """It wins over the environment, and is not in what the process says."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")

    with serving(
        http_database, "--token-file", str(file), "--access-log", MESSENGER_WORKFLOW_TOKEN="x" * 32
    ) as served:
        with served.connect({"authorization": f"Bearer {TOKEN}"}) as client:
            assert client.ask("GET", "/readyz").status == 200
        code, said = served.stop()

    assert code == 0
    assert "GET /readyz 200" in said
    assert TOKEN not in said


def test_a_page_in_a_browser_is_refused_where_there_is_no_token(client, path):
    """It could otherwise run workflows of whoever has it open."""
    origin = {"origin": "https://evil.example"}
    elsewhere = {"host": "evil.example"}

    assert client.ask("POST", f"{path}/tasks", {}, origin).code == (403, "cross_origin")
    assert client.ask("GET", "/v1/tasks/1", None, elsewhere).code == (403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080"])
def test_a_server_without_a_token_has_the_names_of_its_machine(host):
    Guard(None, only_here=True).check({b"host": host.encode()})


@pytest.mark.parametrize("host", ["localhost.evil.example", "evil", "127.0.0.1.nip.io", ""])
def test_a_server_without_a_token_has_no_other_names(host):
    with pytest.raises(HttpRefusal):
        Guard(None, only_here=True).check({b"host": host.encode()})


@pytest.mark.parametrize("token", ["", "short", "with a blank in its middle", "ünïcödé-ünïcödé-ünïcödé"])
def test_a_token_that_is_none_is_refused(token, tmp_path, monkeypatch):
    """An empty file must not be a server that is open."""
    file = tmp_path / "token"
    file.write_text(token)
    monkeypatch.setenv("MESSENGER_WORKFLOW_TOKEN", token)

    for source in (file, None):
        with pytest.raises(BadToken) as refused:
            read_token(source)
        assert not token or token not in str(refused.value)


def test_other_machines_need_a_token(capsys, monkeypatch):
    """Forgetting it must not open a server to the world."""
    monkeypatch.delenv("MESSENGER_WORKFLOW_TOKEN", raising=False)

    assert main(["serve", "--host", "0.0.0.0"]) == 2  # noqa: S104
    assert "--token-file" in capsys.readouterr().err


def test_other_machines_may_come_without_a_token_where_that_is_said(http_database):
    with (
        serving(http_database, "--host", "0.0.0.0", "--no-token") as served,  # noqa: S104
        served.connect({"host": "work.example"}) as client,
    ):
        assert client.ask("GET", "/readyz").status == 200


def test_a_token_and_none_contradict_each_other(tmp_path):
    assert main(["serve", "--no-token", "--token-file", str(tmp_path / "token")]) == 2


def test_a_token_file_that_is_not_there_is_wrong_usage(tmp_path, capsys):
    assert main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "No such file" in capsys.readouterr().err

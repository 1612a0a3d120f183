"""What strangers send: each gets an answer that says what is wrong, and harms nobody else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messenger.workflow.http.request import MOST_BODY_BYTES
from messenger.workflow.http.server import MOST_HEAD_BYTES

TOO_LARGE = MOST_BODY_BYTES + 1


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def head(path, *lines):
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", *lines, "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture(autouse=True)
def _alive(served):
    """Whatever a test has sent, others are served."""
    yield
    with served.connect() as other:
        assert other.ask("GET", "/healthz").json == {"ok": True}


NOT_JSON = {
    "empty": b"",
    "half": b'{"input": ',
    "two": b"{} {}",
    "not UTF-8": b'{"input": "\xff"}',
    "a lone surrogate": b'{"input": "\\ud800"}',
    "not a number": b'{"input": NaN}',
    "infinite": b'{"input": 1e999}',
    "deep": b'{"input": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "deep and half": b"[" * 100_000,
    "UTF-16": "{}".encode("utf-16"),
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_json_is_refused(body, client, path):
    """Also where a decoder raises something of its own."""
    assert client.ask("POST", f"{path}/tasks", body).code == (400, "not_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
def test_json_that_is_no_object_is_refused(body, client, path):
    assert client.ask("POST", f"{path}/tasks", body).code == (400, "bad_fields")


@given(body=st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps(text).encode()))
@settings(max_examples=50, deadline=None)
def test_no_body_makes_it_fail(body, served, worked_on):
    """An error of ours would be a 500."""
    with served.connect() as client:
        assert client.ask("POST", f"{worked_on}/tasks", body).status in (400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_a_body_that_is_not_said_to_be_json_is_refused(kind, client, path):
    """A page of another site can send these without asking first."""
    answer = client.ask("POST", f"{path}/tasks", {}, {"content-type": kind})

    assert answer.code == (415, "bad_content_type")


def test_json_may_be_said_with_a_charset(client, path):
    kind = {"content-type": "Application/JSON; charset=utf-8"}

    assert client.ask("POST", f"{path}/tasks", {}, kind).status == 201


def test_a_compressed_body_is_refused(client, path):
    encoded = {"content-encoding": "gzip"}

    assert client.ask("POST", f"{path}/tasks", {}, encoded).code == (415, "bad_content_type")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/tasks/1", "GET, HEAD"),
        ("GET", "/v1/tasks/1/cancel", "POST"),
        ("OPTIONS", "/v1/workflows/default/orders", "GET, HEAD, PUT"),
        ("TRACE", "/healthz", "GET, HEAD"),
    ],
)
def test_another_method_is_told_which_there_are(method, path, allowed, client):
    answer = client.ask(method, path)

    assert (answer.code, answer.headers["allow"]) == ((405, "wrong_method"), allowed)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/tasks/",
        "//v1/tasks/1",
        "/v1/tasks/1/",
        "/../../etc/passwd",
        "/v1/tasks/../../healthz",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1%2Ftasks%2F1",
        "/HEALTHZ",
        "/healthz%00",
        "*",
    ],
)
def test_a_path_that_is_none_is_not_found(path, client):
    """No file is ever looked for, and nothing is taken for a path that is like it."""
    assert client.ask("GET", path).code == (404, "no_such_path")


@pytest.mark.parametrize("path", ["/%ff", "/v1/tasks/%c3%28"])
def test_a_path_that_is_no_text_is_refused(path, client):
    assert client.ask("GET", path).code == (400, "bad_path")


def test_a_percent_encoded_name_is_the_name(client, path, name):
    encoded = "".join(f"%{ord(letter):02x}" for letter in name)

    assert client.ask("GET", f"/v1/%77orkflows/default/{encoded}").json["name"] == name


def test_a_head_has_no_body(client):
    answer = client.ask("HEAD", "/healthz")

    assert (answer.status, answer.headers["content-length"]) == (200, "11")
    assert client.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("query", ["a=b", "a", "wait=%ff", "&".join(["wait=1s"] * 50), "wait=1s&a=1", "="])
def test_a_query_that_cannot_be_is_refused(query, client):
    assert client.ask("GET", f"/v1/tasks/1?{query}").code == (400, "bad_query")


def test_a_body_may_come_in_chunks(client, path):
    """Byte by byte, as the network likes."""
    client.write(head(f"{path}/tasks", "transfer-encoding: chunked"))
    for byte in b'{"input": [1]}':
        client.write(chunked(bytes([byte])))
    client.write(b"0\r\n\r\n")

    assert client.read().status == 201


def test_a_body_that_is_too_large_is_refused_by_its_length(client, path):
    """Before it is kept."""
    client.write(head(f"{path}/tasks", f"content-length: {TOO_LARGE}"))
    client.write(bytes(TOO_LARGE))

    answer = client.read()
    assert (answer.code, answer.headers["connection"]) == ((413, "too_large"), "close")
    assert client.read() is None


def test_a_body_that_is_too_large_is_refused_without_a_length(client, path):
    client.write(head(f"{path}/tasks", "transfer-encoding: chunked"))
    for _ in range(2 * MOST_BODY_BYTES // 65536):
        client.write(chunked(bytes(65536)))
    client.write(b"0\r\n\r\n")

    assert client.read().code == (413, "too_large")
    assert client.read() is None


def test_a_client_that_asks_before_it_sends_need_not_send(client, path):
    client.write(head(f"{path}/tasks", "content-length: 1000000000000", "expect: 100-continue"))

    assert client.read().code == (413, "too_large")


def test_an_input_of_a_mebibyte_is_taken(client, path):
    """What may be stored may be sent."""
    longest = "x" * ((1 << 20) - 2)

    assert client.ask("POST", f"{path}/tasks", {"input": longest}).status == 201


def test_requests_may_be_sent_before_the_last_is_answered(client, path):
    """They are answered in order."""
    for number in range(20):
        client.send("POST", f"{path}/tasks", {"input": number})

    numbers = [client.read().json["task_id"] for _ in range(20)]
    inputs = [client.ask("GET", f"/v1/tasks/{number}").json["input"] for number in numbers]
    assert inputs == [*range(20)]


NOT_HTTP = {
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00",
    "no such version": b"GET /healthz HTTP/9.9\r\n\r\n",
    "no method": b"get /healthz HTTP/1.1\r\n\r\n",
    "a header that is none": b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a length and chunks": b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "a path that is not ASCII": b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    "a chunk that is none": b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "a host and no path": b"CONNECT example.org:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_no_http_is_refused_and_hung_up_on(data, client):
    """In the same shape as all other errors."""
    client.write(data)

    answer = client.read()
    assert answer.status in (400, 404)
    assert "error" in answer.json


def test_nonsense_behind_a_request_is_not_its_answer(client, path):
    """Who was told of an error would create the task again."""
    client.send("POST", f"{path}/tasks", {"input": 1})
    client.write(b"nonsense\r\n\r\n")

    answer = client.read()
    assert answer is None or answer.status == 201


@pytest.mark.parametrize("shape", ["one", "many"])
def test_headers_that_are_too_large_are_refused(shape, client):
    """Not kept until memory ends, which the parser would."""
    client.write(b"GET /healthz HTTP/1.1\r\n" + (b"a: " if shape == "one" else b""))
    part = b"x" * 4096 if shape == "one" else b"a: b\r\n" * 700
    for _ in range(MOST_HEAD_BYTES // len(part) + 1):
        client.write(part)

    assert client.read().code == (431, "headers_too_large")
    assert client.read() is None


def test_half_a_request_and_a_hang_up_harm_nobody(served, path):
    for data in (b"GET /heal", head(f"{path}/tasks", "content-length: 10"), head(f"{path}/tasks")[:-2]):
        with served.connect() as other:
            other.write(data)


def test_what_cannot_be_upgraded_is_answered_as_it_is(client):
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}

    assert client.ask("GET", "/healthz", None, upgrade).status == 200

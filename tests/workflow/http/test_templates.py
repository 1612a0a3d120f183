"""Templates over HTTP: registered, and shown."""

from .conftest import a_template


def test_a_template_is_registered_and_shown(client, name):
    """Twice is fine."""
    path, template = f"/v1/workflows/shop/{name}", a_template(name, namespace="shop")

    answers = [client.ask("PUT", path, template) for _ in range(2)]

    assert [each.json for each in answers] == [{"namespace": "shop", "name": name, "version": "1"}] * 2
    assert client.ask("GET", path).json == template
    assert client.ask("GET", f"{path}?version=1").json == template


def test_a_version_is_never_changed(client, path, name):
    changed = a_template(name, steps=[{"name": "only", "handler": "nobody"}])

    assert client.ask("PUT", path, changed).code == (409, "template_changed")


def test_what_is_wrong_with_a_template_is_told_with_its_lines(client, name):
    body = b'{"name": "%s", "version": "1",\n"steps": [\n{"name": "a", "handlr": "b"}]}' % name.encode()

    answer = client.ask("PUT", f"/v1/workflows/default/{name}", body)

    assert answer.code == (422, "bad_template")
    assert {(each["place"], each["line"]) for each in answer.json["error"]["detail"]} == {
        ("steps[0].handlr", 3),
        ("steps[0].handler", 3),
    }


def test_what_is_no_json_is_no_template(client, path):
    for body in (b"", b"{", b"\xff", b"name: orders", b"[" * 100_000):
        assert client.ask("PUT", path, body).code == (422, "bad_template")


def test_the_path_and_the_template_agree_on_the_name(client, path):
    answer = client.ask("PUT", path, a_template("other"))

    assert answer.code == (400, "bad_fields")
    assert "default/other" in answer.message


def test_a_template_that_is_not_there_is_not_found(client, path):
    for missing in ("/v1/workflows/default/no_such", f"{path}?version=9", "/v1/workflows/a/..%2F.."):
        assert client.ask("GET", missing).code == (404, "not_found")

"""Access: who may connect to a NATS server, how that is tried, and that secrets stay secret."""

import asyncio
import logging
import socket
import ssl
import subprocess

import pytest

from messenger.bus import BadUrl, Disconnected, Refused, connect
from messenger.bus.nats_server import NatsServer

SECRET = "swordfish"  # noqa: S105


def run(test):
    async def main():
        async with asyncio.timeout(40):
            await test()

    asyncio.run(main())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def server(nats_program):
    with NatsServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def test_when_nobody_listens_it_says_where(nats_program):
    url = f"nats://user:{SECRET}@127.0.0.1:{free_port()}"

    async def test():
        with pytest.raises(Disconnected, match=r"nobody answers at nats://127\.0\.0\.1:\d+ .*serve nats"):
            async with connect(url):
                pass

    run(test)
    with pytest.raises(Disconnected), connect(url):
        pass


def test_it_tries_as_often_as_it_is_told(nats_program):
    """In a cluster's first minute, servers and clients start in any order."""

    async def test():
        server = NatsServer(port=free_port())
        connecting = connect(server.url, connect_attempts=10_000, reconnect_seconds=0.01)
        entering = asyncio.create_task(connecting.__aenter__())
        await asyncio.sleep(0.05)
        assert not entering.done()
        with server:
            await (await entering).flush()
            await connecting.__aexit__(None, None, None)

    run(test)


def test_one_server_of_several_is_enough(server):
    async def test():
        url = f"nats://127.0.0.1:{free_port()},{server.url.removeprefix('nats://')}"
        for _ in range(4):  # they are tried in a random order
            async with connect(url, reconnect_seconds=0.01) as bus:
                await bus.flush()

    run(test)


def test_who_never_says_what_it_is_is_given_up():
    async def test():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"nats://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(Disconnected, match="nobody answers"):
                async with connect(url, connect_timeout_seconds=0.2):
                    pass

    run(test)


@pytest.mark.parametrize(
    "url", ["nats://", "nats://:4222", "nats://host:port", "nats://host/path", "tls://u:p@"]
)
def test_a_url_that_names_no_server_is_refused(url):
    with pytest.raises(BadUrl, match="names no NATS server") as caught:
        connect(url)
    assert "u:p" not in str(caught.value)


def test_a_password_opens_and_is_kept_secret(nats_program, caplog):
    caplog.set_level(logging.DEBUG)

    async def test():
        with NatsServer(user="me", password=SECRET) as server:
            place = server.url.removeprefix("nats://")
            for url, keywords in [
                (server.url, {"user": "me", "password": SECRET}),
                (f"nats://me:{SECRET}@{place}", {}),
            ]:
                async with connect(url, **keywords) as bus:
                    await bus.flush()
                    assert SECRET not in repr(bus) + repr(bus._access) + str(bus._access)
            for url in (server.url, f"nats://me:{SECRET}x@{place}", f"nats://{SECRET}@{place}"):
                with pytest.raises(Refused, match=r"does not let us in: .*check user and password") as caught:
                    async with connect(url):
                        pass
                assert SECRET not in str(caught.value) + repr(caught.value.__cause__)
            with pytest.raises(BadUrl, match="given twice"):
                connect(f"nats://me:{SECRET}@{place}", token="other")  # noqa: S106

    run(test)
    assert SECRET not in caplog.text


def test_a_misspelt_scheme_does_not_show_the_password():
    with pytest.raises(BadUrl, match=r"'host:4222' names no bus") as caught:
        connect(f"nast://me:{SECRET}@host:4222")
    assert SECRET not in str(caught.value)


def test_credentials_that_are_not_there_are_told(tmp_path):
    with pytest.raises(BadUrl, match=r"me\.creds is no file with credentials"):
        connect("nats://127.0.0.1", credentials=tmp_path / "me.creds")


def test_a_subscription_that_is_not_permitted_is_refused(nats_program):
    permissions = {"subscribe": ["open.>", "_INBOX.>"], "publish": ["open.>"]}
    users = [{"user": "me", "password": SECRET, "permissions": permissions}]

    async def test():
        with NatsServer(settings={"authorization": {"users": users}}) as server:
            errors = []
            async with connect(server.url, user="me", password=SECRET, on_error=errors.append) as bus:
                with pytest.raises(Refused, match="permissions violation for subscription"):
                    await bus.subscribe("closed.Door")
                await bus.publish("closed.Door", b"")
                await bus.flush()

                assert [type(error) for error in errors] == [Refused, Refused]
                opened = await bus.subscribe("open.door")
                await bus.publish("open.door", b"1")
                assert (await opened.get(10)).data == b"1"

    run(test)


def test_tls_encrypts_and_its_absence_is_refused(nats_program, certificate):
    async def test():
        with NatsServer(tls=certificate) as server:
            async with connect(server.url, tls=certificate[0]) as bus:
                subscription = await bus.subscribe("n")
                await bus.publish("n", b"encrypted")
                assert (await subscription.get(10)).data == b"encrypted"
            context = ssl.create_default_context(cafile=certificate[0])
            async with connect(server.url.replace("nats:", "tls:"), tls=context) as bus:
                await bus.flush()

            with pytest.raises(Refused, match=r"certificate that is not trusted .* name its CA with tls="):
                async with connect(server.url):
                    pass
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await reader.readline()
            writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
            assert b"PONG" not in await reader.read()  # to its end
            writer.close()

    run(test)


def test_no_secret_is_sent_to_a_server_without_encryption():
    """A server that offers none may be somebody between us and the one we mean."""

    async def test():
        heard = asyncio.get_running_loop().create_future()

        async def impostor(reader, writer):
            writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576}\r\n')
            heard.set_result(await reader.read())
            writer.close()

        async with await asyncio.start_server(impostor, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            with pytest.raises(Refused, match="offers no encryption, which tls asks for; nothing was sent"):
                async with connect(f"tls://me:{SECRET}@127.0.0.1:{port}"):
                    pass
            assert await heard == b""

    run(test)

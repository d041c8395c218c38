"""TLS on both sides: who shows a certificate of our authority is known by its name, and nobody else gets in."""

import ipaddress
import json
import os
import pathlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from identified import Authority, claims, hosting, token

from functions.adapters.channels import Identity, open_channel
from functions.ports.card import Card, Kind
from functions.runtime import certificates, grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.outcomes import Unauthenticated
from functions.runtime.rereading import Reread
from functions.runtime.settings import Hosting

SERVICE = "tickloom.orders.v1.OrdersService"
ROUTE = "spiffe://desk/route"
CARD = Card("orders", Kind.SERVICE, "1", "Count what is to be published.")
LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
GRANTS = {"principals": [{"name": ROUTE, "roles": ["operator"], "accounts": "*"}, {"name": "b.desk", "roles": []}]}


class Place:
    """A server with certificates, and the identities of its callers."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Make the authority, the server's certificate and the list of principals."""
        self.folder = folder
        self.ours = Authority(folder)
        self.theirs = Authority(folder, "theirs")
        chain, key = self.ours.certificate("server", *LOCAL)
        self.grants = folder / "principals.json"
        self.grants.write_text(json.dumps(GRANTS))
        self.hosting = hosting(
            folder,
            tls_certificate_path=str(chain),
            tls_key_path=str(key),
            tls_client_ca_path=str(self.ours.path),
            principals_path=str(self.grants),
        )

    def shown(self, authority: Authority, *names: x509.GeneralName, bearer: str = "") -> Identity:
        """Make an identity, signed by an authority."""
        chain, key = authority.certificate("caller", *names)
        return Identity(str(self.ours.path), str(chain), str(key), token=bearer)

    @asynccontextmanager
    async def serving(self, **changes: Any) -> AsyncIterator[str]:  # noqa: ANN401 - any setting
        """Serve as a process of ours does; give the address."""
        settings = Hosting(**{name: getattr(self.hosting, name) for name in Hosting.__slots__} | changes)
        hosted = HostedService(CARD, register, (SERVICE,))
        running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=settings)
        try:
            yield f"127.0.0.1:{running.port}"
        finally:
            await running.stop()


def register(server: grpc.aio.Server) -> None:
    """Answer one RPC."""

    async def pending(request: bytes, context: object) -> bytes:  # noqa: ARG001 - gRPC's signature
        return b"0"

    handlers = {"GetOutbox": grpc.unary_unary_rpc_method_handler(pending)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    """Give a place."""
    return Place(tmp_path)


async def asked(target: str, ours: Identity) -> str:
    """Call with an identity; give the status."""
    async with open_channel(target, ours) as channel:
        try:
            await channel.unary_unary(f"/{SERVICE}/GetOutbox")(b"", timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ((x509.UniformResourceIdentifier(ROUTE),), "OK"),
        ((x509.UniformResourceIdentifier(ROUTE), x509.DNSName("route.desk")), "OK"),
        ((x509.DNSName("b.desk"),), "PERMISSION_DENIED"),
        ((x509.DNSName("nobody.desk"),), "UNAUTHENTICATED"),
        ((x509.UniformResourceIdentifier(ROUTE), x509.DNSName("b.desk")), "UNAUTHENTICATED"),
        ((x509.RFC822Name("route@desk"),), "UNAUTHENTICATED"),
        ((), "UNAUTHENTICATED"),
    ],
    ids=["uri", "uri and dns", "no role", "not listed", "two listed", "mail", "none"],
)
async def test_names(place: Place, names: tuple[x509.GeneralName, ...], status: str) -> None:
    """A caller is who the one listed name in its certificate says."""
    async with place.serving() as target:
        assert await asked(target, place.shown(place.ours, *names)) == status


@pytest.mark.parametrize(
    "shown",
    [
        lambda place: place.shown(place.theirs, x509.UniformResourceIdentifier(ROUTE)),
        lambda place: Identity(str(place.ours.path)),
        lambda _: Identity(),
        lambda place: Identity(str(place.theirs.path)),
    ],
    ids=["another authority", "no certificate", "in clear", "trusts another authority"],
)
async def test_connections_refused(place: Place, shown: Callable[[Place], Identity]) -> None:
    """Without a certificate of our authority, or trust in it, there is no connection."""
    async with place.serving() as target:
        assert await asked(target, shown(place)) == "UNAVAILABLE"


async def test_token_over_tls(place: Place) -> None:
    """A token names the caller where there is one, and a bad one is not mended by a good certificate."""
    good = token(claims(time.time(), roles=["operator"]))
    async with place.serving(tls_client_ca_path="", principals_path="") as target:
        assert await asked(target, Identity(str(place.ours.path), token=good)) == "OK"
        assert await asked(target, Identity(str(place.ours.path))) == "UNAUTHENTICATED"
    async with place.serving() as target:
        route = x509.UniformResourceIdentifier(ROUTE)
        assert await asked(target, place.shown(place.ours, route, bearer="x")) == "UNAUTHENTICATED"
        weak = token(claims(time.time(), roles=["viewer"]))
        assert await asked(target, place.shown(place.ours, route, bearer=weak)) == "PERMISSION_DENIED"


async def test_certificate_renewed(place: Place) -> None:
    """A server shows its new certificate as soon as the file has it; one that cannot be read changes nothing."""
    caller = place.shown(place.ours, x509.UniformResourceIdentifier(ROUTE))
    async with place.serving() as target:
        assert await asked(target, caller) == "OK"
        (place.folder / "server.pem").write_text("broken")
        os.utime(place.folder / "server.pem", ns=(1, 1))
        assert await asked(target, caller) == "OK"
        place.theirs.certificate("server", *LOCAL)
        assert await asked(target, caller) == "UNAVAILABLE"
        trusting = Identity(str(place.theirs.path), caller.certificate_path, caller.key_path)
        assert await asked(target, trusting) == "OK"


def test_certificate_expires(tmp_path: pathlib.Path) -> None:
    """A certificate names its caller until it expires, and what the list says of it is renewed."""
    grants = tmp_path / "principals.json"
    grants.write_text(json.dumps(GRANTS))
    chain, _ = Authority(tmp_path).certificate("caller", x509.UniformResourceIdentifier(ROUTE))
    clock = [time.time()]
    listed = Reread(grants, certificates.read_principals, lambda: clock[0])
    known = certificates.Certificates(listed, lambda: clock[0])
    first = known.verify(chain.read_bytes())
    assert (first.name, first.roles, first.accounts) == (ROUTE, {"operator"}, None)
    clock[0] = first.expires_s - 1
    grants.write_text(json.dumps({"principals": [{"name": ROUTE, "roles": ["viewer"], "accounts": ["a"]}]}))
    assert known.verify(chain.read_bytes()).accounts == {"a"}
    clock[0] = first.expires_s
    with pytest.raises(Unauthenticated, match="expired"):
        known.verify(chain.read_bytes())
    with pytest.raises(Unauthenticated, match="nobody known"):
        known.verify(b"no certificate")


@pytest.mark.parametrize(
    "written",
    [
        "[]",
        "{}",
        '{"principals": [{"roles": []}]}',
        '{"principals": [{"name": "a", "roles": "trader"}]}',
        '{"principals": [{"name": "a", "roles": [], "accounts": [1]}]}',
        '{"principals": [{"name": "a", "roles": []}, {"name": "a", "roles": []}]}',
    ],
)
def test_wrong_principals(written: str) -> None:
    """A file of principals that cannot be read in one way is refused."""
    with pytest.raises(ValueError, match=r"."):
        certificates.read_principals(written.encode())

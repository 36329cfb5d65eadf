"""The door with PostgreSQL behind it, which goes away and comes back."""

from __future__ import annotations

from tests.servers import own_postgres
from tests.web import client


def test_in_and_out_and_away() -> None:
    """People sign in, are locked out and are refused as with a file; while the database is away pages say so, then all is well."""
    with own_postgres() as server, client.closing():
        client.set_up(server.fresh_database())
        browser = client.browser()
        assert client.send(browser, "/sign-in", {"name": "vera", "password": client.PASSWORD}).status_code == 303
        assert browser.get("/trials/tvec/").status_code == 200
        assert browser.get("/trials/tvec/enter").status_code == 403
        assert browser.get("/trials/other/").status_code == 404
        assert browser.get("/trials/a%00b/").status_code == 404
        assert browser.get("/trials/tvec/patients/a%00b").status_code == 404
        for name in ("stan\0", "' OR 1=1 --", "stan"):
            guest = client.browser()
            assert client.send(guest, "/sign-in", {"name": name, "password": "wrong"}).status_code == 422
        server.stop()
        for where in ("/trials/", "/trials/tvec/", "/healthz"):
            assert browser.get(where).status_code == 503
        page = browser.get("/trials/tvec/").content.decode()
        assert "nothing saved is lost" in page
        assert "127.0.0.1" not in page
        server.start()
        for where in ("/trials/tvec/", "/trials/", "/healthz"):
            assert browser.get(where).status_code == 200
        kinds = [entry.kind for entry in client.notes()]
        assert kinds.count("denied") == 3
        assert kinds.count("sign_in_failed") == 3

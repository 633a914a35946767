"""What people send: each kind from the wire, and nothing that is not proved to be Twilio's."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.twilio.adapter import NOTHING_TO_SAY, Sms, WhatsApp
from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.wire.signature import PROOF_HEADER, SETTINGS_HEADER
from integrations.contract.channel import Channel, Inbox, Knocks, Reports
from integrations.contract.exchange import Request, Response
from integrations.contract.message import Ignored, Received, Rejected, Tapped, Typed, Unreadable
from integrations.contract.people import Phone, Secret
from tests.channels.twilio.stage import (
    CONFIG,
    FIXTURES,
    HIDDEN,
    INBOUND,
    OLD_TOKEN,
    PHONE,
    PUBLIC,
    SHARED,
    START,
    TOKEN,
    FakeClock,
    Script,
    fixture,
    signed,
)

KEY = "webhooks_sharedkey_test"
SHA256 = f"key={KEY},algorithm=HMAC_SHA256"


def whatsapp(config: TwilioConfig = CONFIG) -> WhatsApp:
    return WhatsApp(config, Script(), FakeClock())


def one(name: str) -> Received | Ignored:
    received = whatsapp().receive(signed(fixture(f"inbound_{name}.form")))
    assert isinstance(received, list)
    return received[0]


def content(name: str) -> object:
    received = one(name)
    assert isinstance(received, Received)
    return received.content


def test_it_is_a_channel_that_knocks_reports_and_can_be_asked() -> None:
    channel: Channel = whatsapp()
    assert (channel.name, channel.path) == ("whatsapp", "twilio/whatsapp")
    assert isinstance(channel, Knocks)
    assert isinstance(channel, Reports)
    assert isinstance(channel, Inbox)
    assert channel.reports_path == "twilio/status"
    text: Channel = Sms(CONFIG, Script(), FakeClock())
    assert (text.name, text.path) == ("sms", "twilio/sms")


# --- kinds


def test_a_text_is_what_was_typed_with_who_typed_it() -> None:
    assert one("text") == Received(
        external_id=f"SM{0x101:032x}",
        address=PHONE,
        content=Typed("500 14123456789"),
        at=START,
        order=0,
        language=None,
        person=HIDDEN,
        phone=Phone(PHONE),
    )


def test_every_character_arrives() -> None:
    assert content("text_unicode") == Typed("Nataka umeme wa 500 & zaidi = 10%+ ✅\nTafadhali")


KINDS: dict[str, object] = {
    "tap": Tapped("3:7:yes", f"MM{0xB01:032x}"),
    "tap_not_ours": Tapped("campaign-" + "x" * 120, ""),
    "tap_without_payload": Typed("Soma"),
    "pick": Tapped("3:8:2", f"MM{0xB02:032x}"),
    "hidden_number_tap": Tapped("3:7:yes", f"MM{0xB05:032x}"),
    "photo": Unreadable("photo"),
    "photo_with_caption": Typed("pay this one please"),
    "voice": Unreadable("voice"),
    "video": Unreadable("video"),
    "document": Unreadable("document"),
    "sticker": Unreadable("sticker"),
    "contact": Unreadable("contact"),
    "location": Unreadable("location"),
    "forwarded": Typed("TJ12AB34CD Confirmed. Ksh500.00 sent"),
    "reply": Typed("yes this one"),
    "unsupported": Unreadable("unsupported"),
    "order": Unreadable("order"),
    "empty": Unreadable("empty"),
    "flow": Unreadable("form"),
    "ad_click": Typed("hello"),
    "unknown_parameters": Typed("hi"),
    "stop": Typed("STOP"),
    "repeated_names": Typed("one"),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read(name: str) -> None:
    assert content(name) == KINDS[name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("reaction", "reaction"),
        ("system", "system"),
        ("report_at_the_wrong_address", "report"),
        ("other_channel", "no sender"),
        ("without_sender", "no sender"),
        ("without_id", "no id"),
    ],
)
def test_what_says_nothing_is_acknowledged_and_ignored(name: str, reason: str) -> None:
    assert one(name) == Ignored(reason)


@pytest.mark.parametrize(
    ("name", "address", "person", "phone"),
    [
        ("hidden_number", HIDDEN, HIDDEN, None),
        ("new_number", "+254733000777", "KE.1502576394999999", Phone("+254733000777")),
        ("without_wa_id", PHONE, HIDDEN, Phone(PHONE)),
        ("without_external_user_id", PHONE, "", Phone(PHONE)),
    ],
)
def test_the_sender_is_a_number_or_an_id_and_neither_is_required(
    name: str, address: str, person: str, phone: Phone | None
) -> None:
    received = one(name)
    assert isinstance(received, Received)
    assert (received.address, received.person, received.phone) == (address, person, phone)


@pytest.mark.parametrize("sender", ["KE.1", "KE." + "a" * 128])
def test_an_id_of_any_length_whatsapp_allows_is_an_address(sender: str) -> None:
    body = fixture("inbound_hidden_number.form").replace(HIDDEN.encode(), sender.encode())
    received = whatsapp().receive(signed(body))
    assert isinstance(received, list)
    assert isinstance(received[0], Received)
    assert received[0].address == received[0].person == sender


@pytest.mark.parametrize("sender", ["", "254712000555", "+0712000555", "KE.", "KE." + "a" * 129, "kenya", "+1%0A+2"])
def test_a_sender_of_no_known_form_is_ignored(sender: str) -> None:
    body = fixture("inbound_hidden_number.form").replace(HIDDEN.encode(), sender.encode())
    assert whatsapp().receive(signed(body)) == [Ignored("no sender")]


def test_an_album_and_a_double_delivery_keep_their_ids() -> None:
    album = [one(name) for name in ("photo", "video", "photo")]
    ids = [part.external_id for part in album if isinstance(part, Received)]
    assert ids[0] == ids[2] != ids[1]


def test_nothing_received_is_lost_or_made_up() -> None:
    names = {path.stem.removeprefix("inbound_") for path in FIXTURES.glob("inbound_*")}
    for name in names:
        assert len(whatsapp().receive(signed(fixture(f"inbound_{name}.form")))) == 1  # type: ignore[arg-type]


# --- the answer


def test_the_answer_is_twiml_that_says_nothing_and_never_plain_text() -> None:
    channel = whatsapp()
    received = channel.receive(signed(fixture("inbound_tap.form")))
    assert isinstance(received, list)
    acknowledged = channel.acknowledge(received)
    assert acknowledged == NOTHING_TO_SAY
    assert acknowledged.status == 200
    assert acknowledged.headers["content-type"] == "text/xml"
    assert b"<Response></Response>" in acknowledged.body
    assert b"<Message" not in acknowledged.body


# --- proof


def test_the_vector_that_twilio_published_passes_and_one_bit_more_does_not() -> None:
    config = TwilioConfig(
        account_sid="AC" + "0" * 32,
        auth_token=Secret("12345"),
        whatsapp_from="+14155238886",
        public_url="https://mycompany.com",
    )
    body = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    headers = {PROOF_HEADER: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    channel = whatsapp(config)
    url = "/myapp.php?foo=1&bar=2"
    # It is a call of another account: that is what is found wrong with it, once the signature fits.
    assert channel.receive(Request("POST", url, headers, body)) == Rejected("another account", 403)
    assert channel.receive(Request("POST", url, headers, body + b"&A=")) == Rejected("wrong signature", 403)
    assert channel.receive(Request("POST", url + "&", headers, body)) == Rejected("wrong signature", 403)


@pytest.mark.parametrize(
    ("public", "url"),
    [
        ("https://bili.test", INBOUND),
        ("https://bili.test", f"{INBOUND}?a=1&b=%2F+x%E2%82%AC&c="),
        ("https://bili.test/behind/a/prefix", INBOUND),
        ("https://bili.test:443", INBOUND),
        ("https://bili.test:8443", INBOUND),
        ("http://bili.test:80", INBOUND),
        ("http://127.0.0.1:8080", INBOUND),
        ("https://bili.test", "/webhooks/twilio/whatsapp/%7Etest;v=1"),
    ],
)
def test_the_address_signed_is_the_public_one_with_prefix_port_and_query_as_they_came(public: str, url: str) -> None:
    channel = whatsapp(replace(CONFIG, public_url=public))
    request = signed(fixture("inbound_text.form"), url, public=public)
    assert isinstance(channel.receive(request), list)
    # The headers of a proxy are nobody's word.
    told = {**request.headers, "host": "evil.test", "x-forwarded-host": "evil.test", "x-forwarded-proto": "http"}
    assert isinstance(channel.receive(replace(request, headers=told)), list)


@pytest.mark.parametrize("port", ["", ":443"])
def test_twilio_may_sign_with_or_without_the_port(port: str) -> None:
    channel = whatsapp(replace(CONFIG, public_url=f"https://bili.test{port}"))
    for signer in ("https://bili.test", "https://bili.test:443"):
        assert isinstance(channel.receive(signed(fixture("inbound_text.form"), public=signer)), list)


@pytest.mark.parametrize("public", ["http://bili.test", "https://other.test", "https://bili.test/prefix"])
def test_a_signature_over_another_address_is_refused(public: str) -> None:
    request = signed(fixture("inbound_text.form"), public=public)
    assert whatsapp().receive(request) == Rejected("wrong signature", 403)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + b"&New=1",
        lambda body: body.replace(b"500", b"501"),
        lambda body: body.replace(b"NumMedia=0", b""),
        lambda body: body[:0],
    ],
)
def test_a_changed_body_is_refused(change: object) -> None:
    body = fixture("inbound_text.form")
    request = signed(body)
    assert callable(change)
    assert whatsapp().receive(replace(request, body=change(body))) == Rejected("wrong signature", 403)


@pytest.mark.parametrize("signature", [None, "", "x", "é" * 28, "\udcff" * 28])
def test_a_missing_or_odd_signature_is_refused(signature: str | None) -> None:
    request = signed(fixture("inbound_text.form"))
    headers = {name: value for name, value in request.headers.items() if name != PROOF_HEADER}
    headers |= {} if signature is None else {PROOF_HEADER: signature}
    assert whatsapp().receive(replace(request, headers=headers)) == Rejected("wrong signature", 403)


@pytest.mark.parametrize("url", ["", "https://bili.test/x", "/\udcff", "/é"])
def test_an_address_twilio_never_calls_is_refused(url: str) -> None:
    request = replace(signed(fixture("inbound_text.form")), url=url)
    assert whatsapp().receive(request) == Rejected("wrong signature", 403)


def test_both_tokens_pass_while_one_takes_over_from_the_other() -> None:
    rotating = replace(CONFIG, previous_auth_token=Secret(OLD_TOKEN))
    for token, steady, turning in ((TOKEN, True, True), (OLD_TOKEN, False, True), ("other", False, False)):
        request = signed(fixture("inbound_text.form"), token=token)
        assert isinstance(whatsapp().receive(request), list) is steady
        assert isinstance(whatsapp(rotating).receive(request), list) is turning


SHARING = replace(CONFIG, shared_keys={KEY: Secret(SHARED), "other": Secret("another-secret")})


def test_a_shared_key_signs_with_sha256() -> None:
    request = signed(fixture("inbound_text.form"), token=SHARED, settings=SHA256, algorithm="HMAC_SHA256")
    assert isinstance(whatsapp(SHARING).receive(request), list)
    spaced = replace(request, headers={**request.headers, SETTINGS_HEADER: f" algorithm = HMAC_SHA256 , key = {KEY} "})
    assert isinstance(whatsapp(SHARING).receive(spaced), list)


@pytest.mark.parametrize(
    ("token", "settings", "algorithm", "reason"),
    [
        # Signed with SHA1, and the header names SHA256; then the other way round.
        (TOKEN, SHA256, "HMAC_SHA1", "wrong signature"),
        (SHARED, SHA256, "HMAC_SHA1", "wrong signature"),
        (SHARED, "", "HMAC_SHA256", "wrong signature"),
        (TOKEN, "", "HMAC_SHA256", "wrong signature"),
        (SHARED, f"key={KEY},algorithm=HMAC_SHA1", "HMAC_SHA1", "wrong signature"),
        (SHARED, f"key={KEY}", "HMAC_SHA1", "wrong signature"),
        # The auth token is no shared key, and one shared key not another.
        (TOKEN, SHA256, "HMAC_SHA256", "wrong signature"),
        (SHARED, "key=other,algorithm=HMAC_SHA256", "HMAC_SHA256", "wrong signature"),
        (SHARED, "key=unknown,algorithm=HMAC_SHA256", "HMAC_SHA256", "unknown key"),
        (SHARED, "algorithm=HMAC_SHA256", "HMAC_SHA256", "unknown key"),
        (SHARED, f"key={KEY},algorithm=HMAC_SHA512", "HMAC_SHA256", "unknown algorithm"),
        (SHARED, f"key={KEY},algorithm=none", "HMAC_SHA256", "unknown algorithm"),
    ],
)
def test_a_signature_is_tried_with_the_scheme_it_names_and_no_other(
    token: str, settings: str, algorithm: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    request = signed(fixture("inbound_text.form"), token=token, settings=settings, algorithm=algorithm)
    with caplog.at_level(logging.DEBUG):
        assert whatsapp(SHARING).receive(request) == Rejected(reason, 403)
    assert caplog.text == ""


def test_a_signature_with_the_auth_token_passes_beside_shared_keys() -> None:
    assert isinstance(whatsapp(SHARING).receive(signed(fixture("inbound_text.form"))), list)


def test_another_account_is_refused_however_well_it_signs() -> None:
    body = fixture("inbound_text.form").replace(b"AC" + b"0" * 32, b"AC" + b"1" * 32)
    assert whatsapp().receive(signed(body)) == Rejected("another account", 403)
    assert whatsapp().receive(signed(b"")) == Rejected("another account", 403)


@pytest.mark.parametrize("to", [b"%2B14155238886", b"whatsapp%3A%2B14155238887", b""])
def test_a_message_to_another_sender_is_refused(to: bytes) -> None:
    body = fixture("inbound_text.form").replace(b"whatsapp%3A%2B14155238886", to)
    assert whatsapp().receive(signed(body)) == Rejected("another sender", 403)


def test_json_is_proved_by_its_hash_and_read_by_the_same_names() -> None:
    body = orjson.dumps({"AccountSid": CONFIG.account_sid, "To": "whatsapp:+14155238886", "Count": 7})
    digest = hashlib.sha256(body).hexdigest()
    request = signed(body, f"{INBOUND}?bodySHA256={digest}", content_type="application/json; charset=utf-8")
    assert whatsapp().receive(request) == [Ignored("no sender")]
    changed = body.replace(b"7", b"8")
    assert whatsapp().receive(replace(request, body=changed)) == Rejected("wrong signature", 403)


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"\xff"])
def test_json_without_its_hash_or_without_fields_is_refused(body: bytes) -> None:
    bare = signed(body if body != b"\xff" else b"", content_type="application/json")
    assert whatsapp().receive(replace(bare, body=body)) == Rejected("JSON without its hash", 403)
    digest = hashlib.sha256(body).hexdigest()
    hashed = signed(b"", f"{INBOUND}?bodySHA256={digest}", content_type="application/json")
    rejected = whatsapp().receive(replace(hashed, body=body))
    assert isinstance(rejected, Rejected)
    assert rejected.status == 403


@given(st.binary(max_size=200), st.text(max_size=30))
def test_no_bytes_from_outside_make_it_raise(body: bytes, url: str) -> None:
    for content_type in ("application/x-www-form-urlencoded", "application/json", ""):
        request = Request("POST", f"/{url}", {"content-type": content_type, PROOF_HEADER: "x"}, body)
        assert isinstance(whatsapp().receive(request), Rejected)
        assert isinstance(whatsapp().report(request), Rejected)


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(st.lists(st.tuples(names, st.text(st.characters(codec="utf-8"), max_size=8)), max_size=8))
def test_any_form_that_twilio_signs_is_taken_with_blanks_and_repeats(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    taken = [*pairs, ("AccountSid", CONFIG.account_sid)]
    if any(name == "AccountSid" for name, _ in pairs):
        return
    result = whatsapp().receive(signed(urlencode(taken).encode()))
    # Proved, so what may be wrong is only what it says.
    assert result != Rejected("wrong signature", 403)
    assert result != Rejected("another account", 403)


def test_nobody_writes_by_text_message() -> None:
    channel = Sms(CONFIG, Script(), FakeClock())
    assert channel.receive(signed(fixture("inbound_text.form"), "/webhooks/twilio/sms")) == Rejected(
        "text messages are not read", 404
    )
    assert channel.acknowledge([]) == Response(200, NOTHING_TO_SAY.headers, NOTHING_TO_SAY.body)


def test_public_url_is_the_only_address_believed() -> None:
    # Somebody who can choose the Host header chooses nothing.
    request = signed(fixture("inbound_text.form"), public="https://evil.test")
    forged = replace(request, headers={**request.headers, "host": "evil.test"})
    assert whatsapp().receive(forged) == Rejected("wrong signature", 403)
    assert PUBLIC == "https://bili.test"

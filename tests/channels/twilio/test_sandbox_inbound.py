"""What the sandbox's Twilio posts when a person does something: every field, the signature, retries and loss."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from multidict import MultiDict
from twilio.request_validator import (  # type: ignore[import-untyped]  # Twilio's library ships no types
    RequestValidator,
    get_signature_algorithm,
)

from integrations.contract.exchange import NotSent, Request
from integrations.contract.people import Secret
from integrations.sandbox.twilio_signature import Algorithm, signature
from integrations.sandbox.twilio_webhooks import NOVELTY
from tests.channels.twilio.sandbox_stage import HOOK, JANE, JANES_ID, OURS, SID, TOKEN, Stage

PREVIOUS, SHARED = "test-previous-auth-token", "test-shared-key"


def is_valid(request: Request, secret: str = TOKEN) -> bool:
    """What Twilio's own library says of a webhook, read as its documentation asks."""
    form: MultiDict[str] = MultiDict(parse_qsl(request.body.decode(), keep_blank_values=True))
    algorithm = get_signature_algorithm(request.headers.get("x-twilio-webhooks-signature-settings"))
    validator = RequestValidator(secret)
    return bool(validator.validate(request.url, form, request.headers["x-twilio-signature"], algorithm))


# --- the signature


def test_the_published_vector_of_a_signature() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature(url, form.items(), Secret("12345")) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("Body", "")],
        [("a", "2"), ("A", "1"), ("B", "3"), ("_", "x")],
        [("Body", "Ñandú 💡"), ("ProfileName", "a&b=c+d")],
        [("x", "b"), ("x", "a"), ("x", "b")],
    ],
)
@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_our_signer_and_twilios_library_agree(pairs: list[tuple[str, str]], algorithm: Algorithm) -> None:
    url = "https://bili.test:8443/hook?a=%2F&b=%20+"
    ours = signature(url, pairs, Secret(TOKEN), algorithm)
    assert ours == RequestValidator(TOKEN).compute_signature(url, MultiDict(pairs), algorithm)
    assert ours != signature(url, [*pairs, ("y", "")], Secret(TOKEN))


async def test_a_webhook_is_a_signed_form() -> None:
    stage = Stage()
    await stage.side.say(JANE, "hello & ¡hi!")
    assert stage.bot.requests == []
    await stage.pass_time()
    (request,) = stage.bot.requests
    assert (request.method, request.url) == ("POST", HOOK)
    assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert is_valid(request)
    assert not is_valid(request, PREVIOUS)
    assert "x-twilio-webhooks-signature-settings" not in request.headers
    assert stage.patience == [15.0]


async def test_the_previous_token_and_a_shared_key_sign_when_they_are_told_to() -> None:
    stage = Stage(previous_auth_token=Secret(PREVIOUS), shared_key=Secret(SHARED), shared_key_id="key-1")
    stage.side.hooks.signer = "previous"
    await stage.side.say(JANE, "one")
    await stage.pass_time()
    stage.side.hooks.signer = "shared_key"
    await stage.side.say(JANE, "two")
    await stage.pass_time()
    first, second = stage.bot.requests
    assert (is_valid(first), is_valid(first, PREVIOUS)) == (False, True)
    assert second.headers["x-twilio-webhooks-signature-settings"] == "key=key-1,algorithm=HMAC_SHA256"
    assert (is_valid(second), is_valid(second, SHARED)) == (False, True)


@pytest.mark.parametrize("signer", ["wrong", "previous", "shared_key"])
async def test_a_signature_that_nothing_of_ours_made_is_valid_under_nothing_of_ours(signer: str) -> None:
    stage = Stage(signer=signer)
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert not is_valid(stage.bot.requests[0])


async def test_repeated_names_are_signed_with_each_of_their_values() -> None:
    stage = Stage(repeat_names=True)
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    (request,) = stage.bot.requests
    values = [value for name, value in parse_qsl(request.body.decode()) if name == NOVELTY]
    assert values == ["new", "again", "new"]
    assert is_valid(request)


async def test_the_fragment_of_the_address_is_patience_and_is_neither_sent_nor_signed() -> None:
    stage = Stage(webhook_url=f"{HOOK}?x=%2F#rc=3&rt=5000")
    stage.bot.answers = [NotSent("refused")] * 4
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert [request.url for request in stage.bot.requests] == [f"{HOOK}?x=%2F"] * 4
    assert stage.patience == [5.0] * 4
    assert is_valid(stage.bot.requests[0])


@pytest.mark.parametrize(
    ("fragment", "tries", "seconds"), [("rc=0", 1, 15), ("rc=99&tt=99999", 6, 15), ("rc=x", 2, 15)]
)
async def test_a_fragment_is_kept_within_twilios_limits(fragment: str, tries: int, seconds: float) -> None:
    stage = Stage(webhook_url=f"{HOOK}#{fragment}")
    stage.bot.answers = [NotSent("refused")] * 9
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert stage.patience == [float(seconds)] * tries


# --- fields


async def told(stage: Stage) -> dict[str, str]:
    await stage.pass_time()
    return stage.bot.hooks()[-1]


async def test_a_text_has_every_field_of_a_webhook() -> None:
    stage = Stage()
    await stage.side.say(JANE, "500 14123456789")
    got = await told(stage)
    sid = stage.side.chat(JANE)[0].sid
    assert {name: got[name] for name in ("MessageSid", "SmsSid", "SmsMessageSid")} == dict.fromkeys(
        ("MessageSid", "SmsSid", "SmsMessageSid"), sid
    )
    metadata = orjson.loads(got.pop("ChannelMetadata"))
    context = {"ProfileName": "Jane", "WaId": "254712345678", "Forwarded": "false", "FrequentlyForwarded": "false"}
    assert metadata == {"type": "whatsapp", "data": {"context": context}}
    for name in ("MessageSid", "SmsSid", "SmsMessageSid"):
        assert re.fullmatch(r"SM[0-9a-f]{32}", got.pop(name))
    assert got == {
        "AccountSid": SID,
        "From": f"whatsapp:{JANE}",
        "To": f"whatsapp:{OURS}",
        "ExternalUserId": f"whatsapp:{JANES_ID}",
        "WaId": "254712345678",
        "ProfileName": "Jane",
        "Body": "500 14123456789",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "MessageType": "text",
        "Forwarded": "false",
        "FrequentlyForwarded": "false",
        "ReferralNumMedia": "0",
        NOVELTY: "new",
    }


async def test_a_hidden_number_is_nowhere_in_the_webhook() -> None:
    stage = Stage()
    await stage.side.hide_number(JANE)
    await stage.side.say(JANE, "hello")
    got = await told(stage)
    assert got["From"] == got["ExternalUserId"] == f"whatsapp:{JANES_ID}"
    assert "WaId" not in got
    assert JANE[1:] not in urlencode(got)


async def test_a_new_number_is_a_new_id_and_the_old_one_is_gone() -> None:
    stage = await Stage().opened()
    await stage.side.change_number(JANE, "+254798765432")
    await stage.side.say("+254798765432", "it is me")
    got = await told(stage)
    assert got["From"] == "whatsapp:+254798765432"
    assert got["ExternalUserId"].startswith("whatsapp:KE.")
    assert got["ExternalUserId"] != f"whatsapp:{JANES_ID}"
    assert [bubble.text for bubble in stage.side.chat("+254798765432")] == ["hi", "it is me"]
    with pytest.raises(KeyError):
        stage.side.chat(JANE)
    assert await stage.fate(Body="to the old one") == ("undelivered", "63024")


@pytest.mark.parametrize(
    ("kind", "message_type", "content_type"),
    [
        ("photo", "image", "image/jpeg"),
        ("video", "video", "video/mp4"),
        ("document", "document", "application/pdf"),
        ("voice", "audio", "audio/ogg"),
        ("sticker", "sticker", "image/webp"),
        ("contact", "contacts", "text/vcard"),
    ],
)
async def test_a_file_is_told_by_type_and_address_and_fetched_with_the_token(
    kind: str, message_type: str, content_type: str
) -> None:
    stage = Stage(base_url="http://sandbox.test")
    await stage.side.send_other(JANE, kind)
    got = await told(stage)
    assert got["MessageSid"].startswith("MM")
    assert (got["Body"], got["NumMedia"], got["MessageType"]) == ("", "1", message_type)
    assert got["MediaContentType0"] == content_type
    assert stage.side.chat(JANE)[0].text == f"[{kind}]"
    path = got["MediaUrl0"].removeprefix("http://sandbox.test")
    assert path.startswith(f"/media/{SID}/ME")
    file = await stage.call("GET", path)
    assert (file.status, file.headers["content-type"]) == (200, content_type)
    assert file.body
    assert (await stage.side.serve(Request("GET", path))).status == 401
    assert (await stage.call("GET", path + "0")).status == 404


async def test_a_caption_stands_where_a_text_would() -> None:
    stage = Stage()
    await stage.side.send_media(JANE, "photo", "my meter")
    got = await told(stage)
    assert (got["Body"], got["NumMedia"]) == ("my meter", "1")
    assert stage.side.chat(JANE)[0].text == "my meter"


async def test_a_location_has_its_own_fields() -> None:
    stage = Stage()
    await stage.side.send_other(JANE, "location")
    got = await told(stage)
    assert (got["MessageType"], got["NumMedia"], got["Body"]) == ("location", "0", "")
    assert (got["Latitude"], got["Longitude"]) == ("-1.2921", "36.8219")
    assert got["Address"]
    assert got["Label"]


async def test_a_forwarded_message_says_so() -> None:
    stage = Stage()
    await stage.side.forward(JANE, "QX12 confirmed")
    got = await told(stage)
    assert (got["Body"], got["Forwarded"], got["FrequentlyForwarded"]) == ("QX12 confirmed", "true", "false")
    assert orjson.loads(got["ChannelMetadata"])["data"]["context"]["Forwarded"] == "true"


async def test_a_reply_names_the_message_it_quotes_and_whose_it_is() -> None:
    stage = await Stage().opened()
    sid = await stage.sent(Body="Which meter?")
    await stage.pass_time()
    await stage.side.reply_to(JANE, sid, "mine")
    got = await told(stage)
    assert (got["OriginalRepliedMessageSid"], got["OriginalRepliedMessageSender"]) == (sid, f"whatsapp:{OURS}")
    await stage.side.reply_to(JANE, stage.side.chat(JANE)[0].sid, "as I said")
    assert (await told(stage))["OriginalRepliedMessageSender"] == f"whatsapp:{JANE}"


async def test_twilio_forgets_what_a_late_reply_belongs_to() -> None:
    stage = await Stage().opened()
    sid = await stage.sent(Body="Which meter?")
    await stage.pass_time(8 * 24 * 3600)
    await stage.side.reply_to(JANE, sid, "mine")
    assert "OriginalRepliedMessageSid" not in await told(stage)


async def test_what_sources_disagree_on_can_be_left_out() -> None:
    stage = Stage(external_user_ids=False)
    await stage.side.say(JANE, "hello")
    assert "ExternalUserId" not in await told(stage)


async def test_two_messages_at_once_are_two_webhooks_in_order() -> None:
    stage = Stage()
    await stage.side.send_media(JANE, "photo", "one")
    await stage.side.send_media(JANE, "photo", "two")
    await stage.pass_time()
    assert [got["Body"] for got in stage.bot.hooks()] == ["one", "two"]
    assert len({got["MessageSid"] for got in stage.bot.hooks()}) == 2


async def test_STOP_is_told_and_obeyed_where_twilio_watches_for_it() -> None:
    stage = Stage(opt_out_words=True)
    await stage.side.say(JANE, "please stop")
    assert "OptOutType" not in await told(stage)
    await stage.side.say(JANE, " stop ")
    assert (await told(stage))["OptOutType"] == "STOP"
    assert await stage.refused(Body="but") == (400, 21610)
    await stage.side.say(JANE, "START")
    assert (await told(stage))["OptOutType"] == "START"
    await stage.sent(Body="welcome")

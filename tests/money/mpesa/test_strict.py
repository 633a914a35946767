"""JSON is read as documented and no further."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.money.mpesa.strict import Unreadable, strict_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_plain_json_reads_as_python_reads_it(value: object) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused_and_never_raise_anything_else(body: bytes) -> None:
    try:
        strict_json(body)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1,"a":1}',
        '[{"b":{"a":1,"a":2}}]',
        "[NaN]",
        "[-Infinity]",
        "[1e99]",
        "[1E+99999999999999999999999]",
        "[0e400]",
        "[" + "9" * 5000 + "]",
        "[0." + "1" * 60 + "]",
        '{"a":1} {"a":1}',
        "{'a':1}",
        '["\ud800"]',
    ],
)
def test_F036_pythons_leniencies_are_refused(body: str) -> None:
    with pytest.raises(Unreadable):
        strict_json(body.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("levels", "fits"), [(1, True), (32, True), (33, False), (5000, False), (200_000, False)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_F036_depth_is_bounded(levels: int, fits: bool, opening: str, closing: str) -> None:
    body = (opening * levels + ("" if opening == "[" else "1") + closing * levels).encode()
    if fits:
        strict_json(body)
    else:
        with pytest.raises(Unreadable):
            strict_json(body)


def test_brackets_inside_a_text_are_no_depth() -> None:
    assert strict_json(b'["' + b"[" * 100 + b'"]') == ["[" * 100]

"""What the writer knows of the tables."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, Integer, String
from sqlmodel import AutoString, SQLModel

from bot.store.shape import shapes


def test_every_table_has_a_shape() -> None:
    assert set(shapes()) == {table.name for table in SQLModel.metadata.sorted_tables}


def test_parents_have_their_place_before_children() -> None:
    for shape in shapes().values():
        for foreign in shape.table.foreign_keys:
            assert shapes()[foreign.column.table.name].place < shape.place


def test_every_column_is_a_whole_number_or_a_text() -> None:
    for shape in shapes().values():
        for column in shape.table.c:
            assert isinstance(column.type, Integer | String | AutoString), column


def test_F132_everything_numbered_or_timed_has_64_bits() -> None:
    for shape in shapes().values():
        for column in shape.table.c:
            if shape.numbered and column.primary_key:
                assert "BIGINT" in str(column.type)
            if column.name.endswith(("_at", "_until", "_minor")) or column.name in {"at", "minor"}:
                assert isinstance(column.type, BigInteger), column


def test_defaults_are_those_of_the_model() -> None:
    payment = shapes()["payment"]
    assert payment.defaults["version"] == 0
    assert payment.defaults["live_payer"] is None
    assert "code" not in payment.defaults


def test_inserts_are_sorted_by_what_can_collide() -> None:
    assert shapes()["input"].ordered_by == ("channel", "external_id")
    assert shapes()["payment"].ordered_by == ("code", "id")
    assert shapes()["house"].ordered_by == ("name",)
    assert shapes()["outbox"].ordered_by == ()


def test_a_row_is_filled_up() -> None:
    assert shapes()["house"].full({"name": "a", "value": "b"}) == {"name": "a", "value": "b"}
    assert shapes()["customer"].full({"id": "a", "language": "en", "created_at": 1})["version"] == 0


@pytest.mark.parametrize("row", [{"name": "a"}, {"name": "a", "value": "b", "colour": "red"}, {}])
def test_a_row_with_wrong_columns_is_named(row: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"house has wrong or missing columns: \w+"):
        shapes()["house"].full(row)

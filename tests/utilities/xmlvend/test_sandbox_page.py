"""docs/sandbox-xmlvend.md says what the sandbox does, and its example works."""

from __future__ import annotations

import re
from pathlib import Path

from integrations.contract.exchange import Request
from integrations.contract.people import Secret
from integrations.sandbox.xmlvend import FAULTS, PATH, SEED_METERS, XmlVendSideConfig
from tests.utilities.xmlvend.fakes import bench

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox-xmlvend.md").read_text()
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line[:1] == "|"]


def test_the_page_lists_the_meters_as_they_are() -> None:
    listed = [row for row in ROWS if row[0].isdigit()]
    assert listed == [(meter.number, meter.owner, meter.about) for meter in SEED_METERS]


def test_the_page_lists_the_faults_as_they_are() -> None:
    assert [row for row in ROWS if row[0] in FAULTS] == list(FAULTS.items())


async def test_the_example_on_the_page_sells_once() -> None:
    config = XmlVendSideConfig("0000000000001", "sandbox-operator", Secret("sandbox-password"))
    side = bench(side=config).side
    (message,) = re.findall(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    request = Request("POST", PATH, {"content-type": "text/xml"}, message.encode())
    first, again = await side.serve(request), await side.serve(request)
    assert first == again
    assert b'units value="16.3"' in first.body
    assert [sale.meter.number for sale in side.sales] == ["14123456789"]

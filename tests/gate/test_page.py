"""What a page must withstand."""

import json
import re

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from messenger.gate.comparison import Status
from messenger.gate.report import Prerequisite, Result
from messenger.gate.reports.html import render_html

from .test_reports import everything

ANY_TEXT = some.text(max_size=80)


@given(ANY_TEXT)
def test_no_text_of_a_report_is_markup_in_its_page(text):
    row = Result(name=text, status=Status.REGRESSED, note=f"<script>{text}", change_percent=3.0)
    report = msgspec.structs.replace(
        everything(),
        results=(row,),
        sentence=f"<script>{text}",
        lines=(f"</style><script>{text}",),
        prerequisites=(Prerequisite(text, False, f"<script>{text}", text),),
    )

    page = render_html(report)

    assert page.count("<script") == page.count("</script>") == 3
    assert page.count("</style>") == 1
    [data] = re.findall(r'id="data" nonce="\w+">(.*?)</script>', page)
    assert json.loads(data)[0]["trend"] is None

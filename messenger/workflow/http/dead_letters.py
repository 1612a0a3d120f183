"""Dead letters: what failed for good, and nobody has seen to."""

from .answer import Answer, json_answer
from .names import number_in
from .request import Request, bad_query
from .service import Service
from .shapes import DeadLettersBody

MOST = 100
"""Each may hold an input of a mebibyte."""

_BOOLEANS = {"true": True, "false": False}


async def list_dead_letters(service: Service, request: Request) -> Answer:
    """Answer with the latest; with `?before=`, those before; with `?settled=true`, the mended ones too."""
    parameters = request.parameters("limit", "before", "settled")
    settled = _BOOLEANS.get(parameters.get("settled", "false"))
    if settled is None:
        raise bad_query(f"settled is {parameters['settled'][:100]!r}; write true or false")
    found = await service.client.dead_letters(
        most=number_in(parameters, "limit", MOST, MOST) or MOST,
        before=number_in(parameters, "before", None),
        settled=settled,
    )
    return json_answer(DeadLettersBody(found))

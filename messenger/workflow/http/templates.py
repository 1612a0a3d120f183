"""Templates: registered, and shown."""

import asyncio

from ..template_file import parse_template
from .answer import Answer, json_answer
from .names import name_of
from .refusal import HttpRefusal
from .request import Request
from .service import Service
from .shapes import RegisteredBody


async def register_template(service: Service, request: Request) -> Answer:
    """Store a template; storing it twice is fine."""
    request.parameters()
    namespace, name = (name_of(text, "workflow") for text in request.names)
    body = await request.body()
    request.check_content_type()
    # In a thread, for one of a thousand steps takes long enough to be noticed by others.
    template = await asyncio.to_thread(parse_template, body, "json", "the body")
    if (template.namespace, template.name) != (namespace, name):
        raise HttpRefusal(
            400,
            "bad_fields",
            f"the template is {template.namespace}/{template.name}, and the path says {namespace}/{name}; "
            "write the same",
        )
    await service.client.register(template)
    service.templates.forget(namespace, name)
    return json_answer(RegisteredBody(namespace, name, template.version))


async def show_template(service: Service, request: Request) -> Answer:
    """Answer with a template; with `?version=`, with that one."""
    version = request.parameters("version").get("version")
    namespace, name = (name_of(text, "workflow") for text in request.names)
    if version is not None:
        name_of(version, "version")
    return json_answer(await service.templates.get(namespace, name, version))

SELECT handler_id, namespace, name FROM messenger_workflow.handler
WHERE (namespace, name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))

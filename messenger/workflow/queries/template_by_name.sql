-- Of no version, the one that was registered last.
SELECT template_id, definition::text
FROM messenger_workflow.template JOIN messenger_workflow.workflow USING (workflow_id)
WHERE namespace = %s AND name = %s AND version = coalesce(%s::text, version)
ORDER BY template_id DESC
LIMIT 1

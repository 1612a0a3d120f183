-- The clones of a batch's worker have one name.
SELECT step.number, step.state::text
FROM messenger_workflow.task
JOIN messenger_workflow.template_step USING (template_id)
JOIN messenger_workflow.step USING (task_id, position)
WHERE task_id = %s::bigint AND template_step.name = %s

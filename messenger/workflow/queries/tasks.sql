SELECT task_id, namespace, name, version, identity_key, task.state::text, priority, due_at,
    created_at, finished_at
FROM messenger_workflow.task
JOIN messenger_workflow.template USING (template_id)
JOIN messenger_workflow.workflow ON workflow.workflow_id = task.workflow_id
WHERE task_id < %s::bigint AND task.state = ANY (%s::messenger_workflow.task_state[])
ORDER BY task_id DESC
LIMIT %s::integer

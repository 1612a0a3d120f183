SELECT task_id FROM messenger_workflow.task
WHERE task_id = ANY (%s::bigint[]) AND state IN ('complete', 'error', 'cancelled')

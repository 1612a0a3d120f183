SELECT task_id, namespace, name, version, identity_key, task.state::text, priority, due_at,
    created_at, finished_at, input::text, definition::text, (
        -- The clones of a worker are one group: 10,000 rows would say no more of it.
        SELECT jsonb_agg(
            jsonb_build_object(
                'name', template_step.name, 'states', states, 'attempt', attempt,
                'max_attempts', most, 'error', error
            ) ORDER BY position
        )
        FROM (
            SELECT position, jsonb_object_agg(state, times) AS states, max(attempt) AS attempt,
                max(most) AS most, (array_agg(error) FILTER (WHERE error IS NOT NULL))[1] AS error
            FROM (
                SELECT position, state, count(*) AS times, max(attempt) AS attempt, max(max_attempts) AS most,
                    (array_agg(error) FILTER (WHERE error IS NOT NULL))[1] AS error
                FROM messenger_workflow.step WHERE step.task_id = task.task_id
                GROUP BY position, state
            ) AS by_state
            GROUP BY position
        ) AS by_step
        JOIN messenger_workflow.template_step USING (position)
        WHERE template_step.template_id = task.template_id
    )::text
FROM messenger_workflow.task
JOIN messenger_workflow.template USING (template_id)
JOIN messenger_workflow.workflow ON workflow.workflow_id = task.workflow_id
WHERE task_id = %s::bigint

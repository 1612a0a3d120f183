-- In the order asked for, as many as there are. The clones of a worker are one group a state: 10,000 rows would
-- say no more of it.
SELECT task_id, template_id, identity_key, task.state::text, priority, due_at, created_at, finished_at,
    input::text, steps::text, given.results_bytes, given.results
FROM unnest(%s::bigint[], %s::boolean[]) WITH ORDINALITY AS asked(task_id, with_results, nth)
JOIN messenger_workflow.task USING (task_id)
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(position, state, times, attempt, most, error)) AS steps
    FROM (
        SELECT position, state, count(*) AS times, max(attempt) AS attempt, max(max_attempts) AS most,
            (array_agg(error) FILTER (WHERE error IS NOT NULL))[1] AS error
        FROM messenger_workflow.step WHERE step.task_id = task.task_id
        GROUP BY position, state
    ) AS by_state
) AS grouped
LEFT JOIN LATERAL messenger_workflow.task_results(task_id) AS given ON with_results
ORDER BY nth

-- What a step still waits for, if for anything: steps that have not ended, by name, a time, or a worker. Ready is
-- what a worker may claim now; of a step that one has, `leased` is true and due_at is when the lease ends.
CREATE FUNCTION step_readiness(in_task bigint, in_number integer)
RETURNS TABLE (
    state step_state, ready boolean, waits_for text[], leased boolean, due_at timestamptz, attempts_left integer
) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT step.state, coalesce(queue.due_at <= statement_timestamp(), false),
        CASE WHEN step.waits_for = 0 OR step.state <> 'pending' THEN '{}' ELSE ARRAY(
            SELECT parent.name
            FROM unnest(own.parents) AS wanted(number)
            JOIN template_step AS parent
                ON parent.template_id = task.template_id AND parent.position = wanted.number
            WHERE CASE WHEN parent.cloned THEN (
                SELECT bool_or(above.state NOT IN ('complete', 'cancelled', 'resolved_manually'))
                FROM step AS above WHERE above.task_id = step.task_id AND above.position = wanted.number
            ) ELSE (
                SELECT above.state NOT IN ('complete', 'cancelled', 'resolved_manually')
                FROM step AS above WHERE above.task_id = step.task_id AND above.number = wanted.number
            ) END
            ORDER BY wanted.number
        ) END,
        coalesce(queue.leased, false), queue.due_at, step.max_attempts - step.attempt
    FROM step
    JOIN task ON task.task_id = step.task_id
    JOIN template_step AS own
        ON own.template_id = task.template_id AND own.position = step.position
    LEFT JOIN queue ON queue.task_id = step.task_id AND queue.number = step.number
        AND step.state IN ('enqueued', 'in_progress', 'waiting_for_retry') -- or it is left over from before
    WHERE step.task_id = in_task AND step.number = in_number;
END;

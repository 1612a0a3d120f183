-- Cancel steps that a decision did not choose, and what only they led to. What waited for them as well as for
-- others waits no longer; returned is what thereby waits for nothing, and is to be enqueued.
CREATE FUNCTION skip_steps(in_tasks bigint[], in_numbers integer[], OUT ready_tasks bigint[], OUT ready_numbers integer[])
LANGUAGE plpgsql AS $$
DECLARE
    tasks bigint[] := in_tasks;
    numbers integer[] := in_numbers;
BEGIN
    ready_tasks := '{}';
    ready_numbers := '{}';
    WHILE cardinality(tasks) > 0 LOOP
        WITH skipped AS (
            UPDATE step SET state = 'cancelled', transitions = transitions + 1
            FROM unnest(tasks, numbers) AS item(task_id, number)
            WHERE step.task_id = item.task_id AND step.number = item.number AND state = 'pending'
            RETURNING step.task_id, step.number, position, transitions, attempt
        ), written AS (
            INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
            SELECT task_id, number, transitions, 'pending', 'cancelled', attempt, 'not chosen' FROM skipped
        )
        SELECT array_agg(edge.task_id), array_agg(edge.number) INTO tasks, numbers
        FROM (
            SELECT skipped.task_id, child.number
            FROM skipped
            JOIN task USING (task_id)
            JOIN template_step USING (template_id, position)
            CROSS JOIN unnest(children) AS child(number)
        ) AS edge;
        WITH edge AS (
            SELECT task_id, number, count(*)::integer AS times
            FROM unnest(tasks, numbers) AS edge(task_id, number) GROUP BY task_id, number
        ), counted AS (
            UPDATE step SET waits_for = waits_for - times
            FROM edge
            WHERE step.task_id = edge.task_id AND step.number = edge.number AND state = 'pending'
            RETURNING step.task_id, step.number, waits_for, wanted
        )
        SELECT array_agg(task_id) FILTER (WHERE NOT wanted), array_agg(number) FILTER (WHERE NOT wanted),
            ready_tasks || array_agg(task_id) FILTER (WHERE wanted),
            ready_numbers || array_agg(number) FILTER (WHERE wanted)
            INTO tasks, numbers, ready_tasks, ready_numbers
        FROM counted WHERE waits_for = 0;
    END LOOP;
END
$$;

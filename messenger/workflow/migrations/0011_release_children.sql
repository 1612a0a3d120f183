-- Let the children of completed steps run: count them down, enqueue those that wait for nothing more, and lease
-- at once what the caller can take, highest priority first. Who calls has locked the tasks.
-- Returns the task of each step that became runnable, and the leased ones.
CREATE FUNCTION release_children(
    in_tasks bigint[], in_numbers integer[],
    in_most integer, in_handlers integer[], in_lease interval, in_worker text,
    OUT released bigint[], OUT leased_tasks bigint[], OUT leased_numbers integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    edge_tasks bigint[];
    edge_numbers integer[];
    kinds text[];
    ready_tasks bigint[] := '{}';
    ready_numbers integer[] := '{}';
    cloned_tasks bigint[] := '{}';
    more record;
    awake integer[];
BEGIN
    released := '{}';
    leased_tasks := '{}';
    leased_numbers := '{}';
    -- By its name a decision's result tells a child that it chose.
    SELECT array_agg(task_id) FILTER (WHERE child IS NOT NULL),
        array_agg(child) FILTER (WHERE child IS NOT NULL), array_agg(DISTINCT kind)
        INTO edge_tasks, edge_numbers, kinds
    FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
    JOIN step USING (task_id, number)
    JOIN task USING (task_id)
    JOIN template_step USING (template_id, position)
    LEFT JOIN LATERAL (
        SELECT unnest(releases) AS child
        UNION ALL
        SELECT chosen.position FROM template_step AS chosen
        WHERE template_step.kind = 'decision' AND chosen.template_id = task.template_id
            AND chosen.position = ANY (template_step.may_create) AND result ? chosen.name
    ) AS child ON true;
    IF 'batch' = ANY (kinds) THEN
        SELECT * INTO more FROM clone_workers(in_tasks, in_numbers);
        edge_tasks := edge_tasks || more.ready_tasks;
        edge_numbers := edge_numbers || more.ready_numbers;
        cloned_tasks := more.cloned_tasks;
    END IF;
    IF 'decision' = ANY (kinds) THEN
        SELECT skipped.* INTO more FROM (
            SELECT array_agg(task_id) AS tasks, array_agg(child.position::integer) AS numbers
            FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
            JOIN step USING (task_id, number)
            JOIN task USING (task_id)
            JOIN template_step USING (template_id, position)
            JOIN template_step AS child ON child.template_id = task.template_id
                AND child.position = ANY (template_step.may_create) AND NOT result ? child.name
        ) AS unchosen, skip_steps(tasks, numbers) AS skipped;
        ready_tasks := more.ready_tasks;
        ready_numbers := more.ready_numbers;
    END IF;
    IF edge_tasks IS NULL AND ready_tasks = '{}' THEN
        RETURN;
    END IF;
    WITH edge AS (
        SELECT task_id, number, sum(times)::integer AS times
        FROM (
            SELECT task_id, number, 1 AS times FROM unnest(edge_tasks, edge_numbers) AS edge(task_id, number)
            UNION ALL
            SELECT task_id, number, 0 FROM unnest(ready_tasks, ready_numbers) AS edge(task_id, number)
        ) AS edge
        GROUP BY task_id, number
    ), child AS MATERIALIZED (
        SELECT step.task_id, step.number, times, waits_for = times AS ready, handler_id, priority,
            waits_for = times AND handler_id = ANY (in_handlers) AND row_number() OVER (
                ORDER BY waits_for = times AND handler_id = ANY (in_handlers) DESC, priority DESC,
                    step.task_id, step.number
            ) <= in_most AS lease
        FROM edge
        JOIN step ON step.task_id = edge.task_id AND step.number = edge.number
        JOIN task ON task.task_id = step.task_id
        JOIN template_step USING (template_id, position)
        WHERE step.state = 'pending'
    ), counted AS (
        UPDATE step SET
            waits_for = waits_for - times,
            wanted = true,
            state = CASE WHEN lease THEN 'in_progress' WHEN ready THEN 'enqueued' ELSE step.state END,
            attempt = CASE WHEN lease THEN 1 ELSE 0 END,
            transitions = transitions + CASE WHEN lease THEN 2 WHEN ready THEN 1 ELSE 0 END
        FROM child WHERE step.task_id = child.task_id AND step.number = child.number
    ), queued AS (
        INSERT INTO queue (task_id, number, handler_id, priority, attempt, leased, due_at)
        SELECT task_id, number, handler_id, priority, lease::integer, lease,
            CASE WHEN lease THEN clock_timestamp() + in_lease ELSE clock_timestamp() END
        FROM child WHERE ready
    ), written AS (
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker)
        SELECT task_id, number, 1, 'pending'::step_state, 'enqueued'::step_state, 0, NULL FROM child WHERE ready
        UNION ALL
        SELECT task_id, number, 2, 'enqueued', 'in_progress', 1, in_worker FROM child WHERE lease
    )
    SELECT cloned_tasks || array_agg(task_id) FILTER (WHERE ready),
        coalesce(array_agg(task_id) FILTER (WHERE lease), '{}'),
        coalesce(array_agg(number) FILTER (WHERE lease), '{}'),
        array_agg(DISTINCT handler_id) FILTER (WHERE ready AND NOT lease)
        INTO released, leased_tasks, leased_numbers, awake
    FROM child;
    IF cloned_tasks <> '{}' THEN
        PERFORM pg_notify('messenger_runnable', handler_id::text)
            FROM queue WHERE task_id = ANY (cloned_tasks) AND NOT leased GROUP BY handler_id;
    END IF;
    IF awake IS NOT NULL THEN
        PERFORM pg_notify('messenger_runnable', handler_id::text) FROM unnest(awake) AS handler_id;
    END IF;
END
$$;

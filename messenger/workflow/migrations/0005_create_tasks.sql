-- Create a task, its steps and the queue's rows for each item asked for, and tell workers. Returns one row an
-- item, in order: an item whose identity key was taken has the task that took it.
CREATE FUNCTION create_tasks(
    in_templates integer[], in_keys text[], in_inputs jsonb[], in_priorities smallint[],
    in_due timestamptz[], in_watched boolean[]
) RETURNS TABLE (task_id bigint, created boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    new_ids bigint[];
    made_ids bigint[];
    awake integer[];
BEGIN
    IF cardinality(in_templates) = 1 THEN
        RETURN QUERY SELECT * FROM create_task(
            in_templates[1], in_keys[1], in_inputs[1], in_priorities[1], in_due[1], in_watched[1]
        );
        RETURN;
    END IF;
    SELECT array_agg(nextval('task_task_id_seq')) INTO new_ids FROM generate_subscripts(in_templates, 1);
    WITH asked AS (
        SELECT * FROM unnest(new_ids, in_templates, in_keys, in_inputs, in_priorities, in_due, in_watched)
            AS asked(task_id, template_id, identity_key, input, priority, due_at, watched)
    ), made AS (
        INSERT INTO task (
            task_id, workflow_id, template_id, identity_key, input, priority, due_at, watched, step_count, runnable
        )
        SELECT asked.task_id, workflow_id, template_id, identity_key, input, priority, due_at, watched,
            step_count, root_count
        FROM asked JOIN template USING (template_id)
        ORDER BY workflow_id, identity_key -- or two that have keys in common wait for each other in a ring
        ON CONFLICT (workflow_id, identity_key) WHERE identity_key IS NOT NULL DO NOTHING
        RETURNING task_id, template_id, priority, due_at
    ), stepped AS (
        INSERT INTO step (task_id, number, position, state, max_attempts, waits_for, transitions)
        SELECT made.task_id, position, position,
            CASE WHEN parents = '{}' THEN 'enqueued' ELSE 'pending' END::step_state,
            max_attempts, cardinality(parents), CASE WHEN parents = '{}' THEN 1 ELSE 0 END
        FROM made JOIN template_step USING (template_id)
    ), queued AS (
        INSERT INTO queue (task_id, number, handler_id, priority, attempt, leased, due_at)
        SELECT made.task_id, position, handler_id, priority, 0, false, coalesce(due_at, clock_timestamp())
        FROM made JOIN template_step USING (template_id) WHERE parents = '{}'
        RETURNING task_id, number, handler_id, due_at
    ), written AS (
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt)
        SELECT task_id, number, 1, 'pending', 'enqueued', 0 FROM queued
    )
    SELECT (SELECT array_agg(task_id) FROM made),
        (SELECT array_agg(DISTINCT handler_id) FROM queued WHERE due_at <= clock_timestamp())
        INTO made_ids, awake;
    PERFORM pg_notify('messenger_runnable', handler_id::text) FROM unnest(awake) AS handler_id;
    IF cardinality(made_ids) = cardinality(new_ids) THEN
        RETURN QUERY SELECT new_id, true FROM unnest(new_ids) AS new_id;
        RETURN;
    END IF;
    -- A statement of its own, which sees what others have committed before that one found their keys taken.
    RETURN QUERY
        SELECT coalesce(taken.task_id, asked.task_id), asked.task_id = ANY (coalesce(made_ids, '{}'))
        FROM unnest(new_ids, in_templates, in_keys) WITH ORDINALITY
            AS asked(task_id, template_id, identity_key, nth)
        JOIN template USING (template_id)
        LEFT JOIN task AS taken
            ON taken.workflow_id = template.workflow_id AND taken.identity_key = asked.identity_key
        ORDER BY asked.nth;
END
$$;

-- Give each cursor range of completed batches a clone of its worker. The worker itself is the first of them;
-- returned is what waits for nothing by that: each worker, or where there is no range, what comes after it;
-- and the task of each other clone, which is enqueued.
CREATE FUNCTION clone_workers(in_tasks bigint[], in_numbers integer[], OUT ready_tasks bigint[], OUT ready_numbers integer[],
    OUT cloned_tasks bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    batch record;
    clones_from integer;
BEGIN
    ready_tasks := '{}';
    ready_numbers := '{}';
    cloned_tasks := '{}';
    FOR batch IN
        SELECT task_id, step.number, template_step.worker, result AS ranges, jsonb_array_length(result) AS times,
            priority, into_worker.handler_id, into_worker.max_attempts, into_worker.children
        FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
        JOIN step USING (task_id, number)
        JOIN task USING (task_id)
        JOIN template_step USING (template_id, position)
        JOIN template_step AS into_worker
            ON into_worker.template_id = template_step.template_id
            AND into_worker.position = template_step.worker
    LOOP
        IF batch.times = 0 THEN
            WITH skipped AS (
                UPDATE step SET state = 'cancelled', transitions = transitions + 1
                WHERE task_id = batch.task_id AND number = batch.worker AND state = 'pending'
                RETURNING transitions, attempt
            )
            INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
            SELECT batch.task_id, batch.worker, transitions, 'pending', 'cancelled', attempt, 'no ranges'
            FROM skipped;
            ready_tasks := ready_tasks || array_fill(batch.task_id, ARRAY[cardinality(batch.children)]);
            ready_numbers := ready_numbers || batch.children::integer[];
            CONTINUE;
        END IF;
        UPDATE step SET waits_for = waits_for + batch.times - 1
            WHERE task_id = batch.task_id AND number = ANY (batch.children) AND state = 'pending';
        UPDATE step SET cursor_range = batch.ranges -> 0
            WHERE task_id = batch.task_id AND number = batch.worker;
        cloned_tasks := cloned_tasks || array_fill(batch.task_id, ARRAY[batch.times - 1]);
        ready_tasks := ready_tasks || batch.task_id;
        ready_numbers := ready_numbers || batch.worker::integer;
        UPDATE task SET step_count = step_count + batch.times - 1 WHERE task_id = batch.task_id RETURNING step_count - batch.times + 1 INTO clones_from;
        WITH cloned AS (
            INSERT INTO step (task_id, number, position, state, max_attempts, waits_for, transitions, cursor_range)
            SELECT batch.task_id, clones_from + nth::integer - 2, batch.worker, 'enqueued',
                batch.max_attempts, 0, 1, cursor_range
            FROM jsonb_array_elements(batch.ranges) WITH ORDINALITY AS item(cursor_range, nth)
            WHERE nth > 1
            RETURNING task_id, number
        ), queued AS (
            INSERT INTO queue (task_id, number, handler_id, priority, attempt, leased, due_at)
            SELECT task_id, number, batch.handler_id, batch.priority, 0, false, clock_timestamp() FROM cloned
        )
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt)
        SELECT task_id, number, 1, 'pending', 'enqueued', 0 FROM cloned;
    END LOOP;
END
$$;

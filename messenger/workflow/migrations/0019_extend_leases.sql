-- Extend leases, and keep what handlers gave as checkpoints. Returns the items whose lease is no longer theirs.
-- The items are sorted by task and number.
CREATE FUNCTION extend_leases(
    in_tasks bigint[], in_numbers integer[], in_attempts smallint[], in_checkpoints jsonb[], in_lease interval
) RETURNS TABLE (task_id bigint, number integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    kept_tasks bigint[];
    kept_numbers integer[];
BEGIN
    WITH kept AS (
        UPDATE queue SET due_at = clock_timestamp() + in_lease
        FROM unnest(in_tasks, in_numbers, in_attempts) AS item(task_id, number, attempt)
        WHERE queue.task_id = item.task_id AND queue.number = item.number
            AND queue.attempt = item.attempt AND leased
            -- Its row may be left where its task was cancelled.
            AND EXISTS (
                SELECT FROM step
                WHERE step.task_id = item.task_id AND step.number = item.number AND state = 'in_progress'
            )
        RETURNING queue.task_id, queue.number
    )
    SELECT array_agg(task_id), array_agg(number) INTO kept_tasks, kept_numbers FROM kept;
    IF array_remove(in_checkpoints, NULL) <> '{}' THEN
        PERFORM FROM task WHERE task_id = ANY (kept_tasks) ORDER BY task_id FOR NO KEY UPDATE;
        UPDATE step SET checkpoint = item.checkpoint
            FROM unnest(in_tasks, in_numbers, in_attempts, in_checkpoints)
                AS item(task_id, number, attempt, checkpoint)
            WHERE step.task_id = item.task_id AND step.number = item.number
                AND step.attempt = item.attempt AND state = 'in_progress' AND item.checkpoint IS NOT NULL;
    END IF;
    RETURN QUERY
        SELECT task_id, number FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
        EXCEPT
        SELECT task_id, number FROM unnest(kept_tasks, kept_numbers) AS kept(task_id, number);
END
$$;

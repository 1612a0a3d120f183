-- Call a task off: what has not ended is cancelled, what runs is told, and its result is refused.
-- Returns the state that the task was in, or null when there is none.
CREATE FUNCTION cancel_task(in_task bigint, in_reason text)
RETURNS task_state LANGUAGE plpgsql AS $$
DECLARE
    before task_state;
BEGIN
    SELECT state INTO before FROM task WHERE task_id = in_task FOR NO KEY UPDATE;
    IF before IS NULL OR before IN ('complete', 'cancelled') THEN
        RETURN before;
    END IF;
    WITH was AS (
        SELECT number, state FROM step
        WHERE task_id = in_task AND state NOT IN ('complete', 'cancelled', 'resolved_manually')
    ), stopped AS (
        UPDATE step SET state = 'cancelled', transitions = transitions + 1
        FROM was WHERE task_id = in_task AND step.number = was.number
        RETURNING step.number, was.state, transitions, attempt
    )
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
    SELECT in_task, number, transitions, state, 'cancelled', attempt, in_reason FROM stopped;
    DELETE FROM queue WHERE (task_id, number) IN (
        SELECT task_id, number FROM queue WHERE task_id = in_task FOR UPDATE SKIP LOCKED
    );
    UPDATE dead_letter SET settled_at = clock_timestamp() WHERE task_id = in_task AND settled_at IS NULL;
    WITH stopped AS (
        UPDATE task SET
            cancelled = true, runnable = 0, waiting = 0, failed = 0, finished_at = clock_timestamp(),
            transitions = transitions + 1
        WHERE task_id = in_task
        RETURNING transitions
    )
    INSERT INTO task_transition (task_id, nth, before, after, reason)
    SELECT in_task, transitions, before, 'cancelled', in_reason FROM stopped;
    PERFORM pg_notify('messenger_cancelled', in_task::text);
    PERFORM pg_notify('messenger_finished', in_task::text);
    RETURN before;
END
$$;

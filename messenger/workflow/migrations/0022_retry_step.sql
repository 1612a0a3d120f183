-- Let a failed step try again, as often as its template says, and beginning where it had got to.
-- Returns the state that the step was in, which is to be error, or null when there is no such step.
CREATE FUNCTION retry_step(in_task bigint, in_number integer, in_reason text)
RETURNS step_state LANGUAGE plpgsql AS $$
DECLARE
    of_task task_state;
    before step_state;
    awake integer;
BEGIN
    SELECT state INTO of_task FROM task WHERE task_id = in_task FOR NO KEY UPDATE;
    SELECT state INTO before FROM step WHERE task_id = in_task AND number = in_number;
    IF before IS DISTINCT FROM 'error' THEN
        RETURN before;
    END IF;
    WITH enqueued AS (
        UPDATE step SET state = 'enqueued', transitions = step.transitions + 1,
            max_attempts = least(32767, attempt + template_step.max_attempts)
        FROM task JOIN template_step USING (template_id)
        WHERE step.task_id = in_task AND number = in_number AND task.task_id = in_task
            AND template_step.position = step.position
        RETURNING step.transitions, attempt, handler_id, priority
    ), queued AS (
        INSERT INTO queue (task_id, number, handler_id, priority, attempt, leased, due_at)
        SELECT in_task, in_number, handler_id, priority, attempt, false, clock_timestamp() FROM enqueued
    ), written AS (
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
        SELECT in_task, in_number, transitions, 'error', 'enqueued', attempt, in_reason FROM enqueued
    )
    SELECT handler_id INTO awake FROM enqueued;
    UPDATE dead_letter SET settled_at = clock_timestamp()
        WHERE task_id = in_task AND number = in_number AND settled_at IS NULL;
    PERFORM count_task(in_task, of_task, 1, 0, -1, false, in_reason);
    PERFORM pg_notify('messenger_runnable', awake::text);
    RETURN before;
END
$$;

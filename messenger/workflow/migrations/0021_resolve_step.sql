-- Give the result of a failed step by hand, and let run what waited for it.
-- Returns the state that the step was in, which is to be error, or null when there is no such step.
CREATE FUNCTION resolve_step(in_task bigint, in_number integer, in_result jsonb, in_reason text)
RETURNS step_state LANGUAGE plpgsql AS $$
DECLARE
    of_task task_state;
    before step_state;
    new record;
BEGIN
    SELECT state INTO of_task FROM task WHERE task_id = in_task FOR NO KEY UPDATE;
    SELECT state INTO before FROM step WHERE task_id = in_task AND number = in_number;
    IF before IS DISTINCT FROM 'error' THEN
        RETURN before;
    END IF;
    WITH resolved AS (
        UPDATE step SET state = 'resolved_manually', result = in_result, transitions = transitions + 1
        WHERE task_id = in_task AND number = in_number
        RETURNING transitions, attempt
    )
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
    SELECT in_task, in_number, transitions, 'error', 'resolved_manually', attempt, in_reason FROM resolved;
    UPDATE dead_letter SET settled_at = clock_timestamp()
        WHERE task_id = in_task AND number = in_number AND settled_at IS NULL;
    SELECT * INTO new FROM release_children(ARRAY[in_task], ARRAY[in_number], 0, NULL, NULL, NULL);
    PERFORM count_task(in_task, of_task, cardinality(new.released), 0, -1, false, in_reason);
    RETURN before;
END
$$;

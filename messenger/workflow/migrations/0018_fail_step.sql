-- End an attempt that failed: the step is due again after the delay, or goes to error without one, or after its last attempt.
-- Returns whether there will be another attempt, or null when the attempt is refused.
CREATE FUNCTION fail_step(
    in_task bigint, in_number integer, in_attempt smallint, in_error jsonb, in_delay interval, in_worker text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    again boolean;
BEGIN
    SELECT in_delay IS NOT NULL AND in_attempt < max_attempts INTO again
        FROM step WHERE task_id = in_task AND number = in_number;
    IF again THEN
        UPDATE queue SET leased = false, due_at = clock_timestamp() + in_delay
            WHERE task_id = in_task AND number = in_number AND attempt = in_attempt AND leased;
    ELSE
        DELETE FROM queue
            WHERE task_id = in_task AND number = in_number AND attempt = in_attempt AND leased;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM task WHERE task_id = in_task FOR NO KEY UPDATE;
    PERFORM FROM step
        WHERE task_id = in_task AND number = in_number AND attempt = in_attempt AND state = 'in_progress';
    IF NOT FOUND THEN -- it was cancelled; who claims the row that is left finds out
        RETURN NULL;
    END IF;
    IF NOT again THEN
        PERFORM fail_step_for_good(in_task, in_number, in_worker, in_error);
        RETURN false;
    END IF;
    WITH failed AS (
        UPDATE step SET state = 'waiting_for_retry', error = in_error, transitions = transitions + 1
        WHERE task_id = in_task AND number = in_number
        RETURNING task_id, number, transitions, attempt
    )
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker, reason)
    SELECT task_id, number, transitions, 'in_progress', 'waiting_for_retry', attempt, in_worker,
        left(in_error ->> 'message', 1000)
    FROM failed;
    PERFORM count_task(in_task, 'in_progress', -1, 1, 0, false, NULL);
    RETURN true;
END
$$;

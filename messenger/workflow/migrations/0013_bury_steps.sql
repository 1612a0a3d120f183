-- Of steps that were leased in the queue, take away those that run no more: they were settled while
-- their rows could not be removed, or have no attempt left, and go to error then.
CREATE FUNCTION bury_steps(in_tasks bigint[], in_numbers integer[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stale record;
BEGIN
    FOR stale IN
        SELECT step.task_id, step.number, step.state, step.attempt
        FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
        JOIN queue USING (task_id, number)
        JOIN step USING (task_id, number)
        WHERE step.attempt <> queue.attempt OR step.state <> 'in_progress'
    LOOP
        DELETE FROM queue WHERE task_id = stale.task_id AND number = stale.number;
        IF stale.state = 'in_progress' THEN
            PERFORM fail_step_for_good(stale.task_id, stale.number, NULL, jsonb_build_object(
                'type', 'LeaseRanOut',
                'message', format('the worker of attempt %s, the last, was not heard of again', stale.attempt)
            ));
        END IF;
    END LOOP;
END
$$;

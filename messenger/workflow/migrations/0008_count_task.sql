-- Do as `count_tasks` does, for one task, whose state before is known to who has locked it.
CREATE FUNCTION count_task(
    in_task bigint, in_before task_state, in_runnable integer, in_waiting integer, in_failed integer, in_started boolean, in_reason text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now record;
BEGIN
    UPDATE task SET
        runnable = runnable + in_runnable, waiting = waiting + in_waiting, failed = failed + in_failed,
        started = started OR in_started,
        finished_at = CASE
            WHEN runnable + in_runnable = 0 AND waiting + in_waiting = 0 THEN clock_timestamp()
        END,
        transitions = transitions + (in_before <> state_of_task(
            runnable + in_runnable, waiting + in_waiting, failed + in_failed, started OR in_started, cancelled
        ))::integer
    WHERE task_id = in_task
    RETURNING state, transitions, watched INTO now;
    IF now.state = in_before THEN
        RETURN;
    END IF;
    INSERT INTO task_transition (task_id, nth, before, after, reason)
        VALUES (in_task, now.transitions, in_before, now.state, in_reason);
    IF now.watched AND now.state IN ('complete', 'error') THEN
        PERFORM pg_notify('messenger_finished', in_task::text);
    END IF;
END
$$;

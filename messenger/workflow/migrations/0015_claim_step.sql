-- Begin an attempt of the one step that `claim_steps` has leased in the queue. Returns whether it is to be run.
CREATE FUNCTION claim_step(in_task bigint, in_number integer, in_worker text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    of_task record;
    was step_state;
    now record;
BEGIN
    SELECT started, state INTO of_task FROM task WHERE task_id = in_task FOR NO KEY UPDATE;
    SELECT state INTO was FROM step WHERE task_id = in_task AND number = in_number;
    UPDATE step SET
        state = 'in_progress', attempt = attempt + 1,
        transitions = transitions + CASE was WHEN 'enqueued' THEN 1 ELSE 2 END
        WHERE task_id = in_task AND number = in_number AND attempt < max_attempts
            AND state IN ('enqueued', 'in_progress', 'waiting_for_retry')
        RETURNING transitions, attempt INTO now;
    IF NOT FOUND THEN
        PERFORM bury_steps(ARRAY[in_task], ARRAY[in_number]);
        RETURN false;
    END IF;
    IF was <> 'enqueued' THEN
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt, reason)
            VALUES (
                in_task, in_number, now.transitions - 1, was, 'enqueued', now.attempt - 1,
                CASE was WHEN 'in_progress' THEN 'its lease ran out' END
            );
    END IF;
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker)
        VALUES (in_task, in_number, now.transitions, 'enqueued', 'in_progress', now.attempt, in_worker);
    IF was = 'waiting_for_retry' THEN
        PERFORM count_task(in_task, of_task.state, 1, -1, 0, true, NULL);
    ELSIF NOT of_task.started THEN
        PERFORM count_task(in_task, of_task.state, 0, 0, 0, true, NULL);
    END IF;
    RETURN true;
END
$$;

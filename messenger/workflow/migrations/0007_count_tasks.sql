-- Add to what each task counts of its steps, write down where that leads it, and tell who waits for its end.
-- Who calls has locked the tasks, and may name one more than once. Started: a worker has claimed a step.
CREATE FUNCTION count_tasks(
    in_tasks bigint[], in_runnable integer[], in_waiting integer[], in_failed integer[],
    in_started boolean, in_reason text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told bigint[];
BEGIN
    WITH item AS (
        SELECT task_id, coalesce(sum(runnable), 0) AS runnable, coalesce(sum(waiting), 0) AS waiting,
            coalesce(sum(failed), 0) AS failed
        FROM unnest(in_tasks, in_runnable, in_waiting, in_failed) AS item(task_id, runnable, waiting, failed)
        GROUP BY task_id
    ), new AS (
        SELECT task_id, state AS before, cancelled,
            (task.runnable + item.runnable)::integer AS runnable,
            (task.waiting + item.waiting)::integer AS waiting,
            (task.failed + item.failed)::integer AS failed,
            started OR in_started AS started
        FROM item JOIN task USING (task_id)
        WHERE item.runnable <> 0 OR item.waiting <> 0 OR item.failed <> 0 OR started <> (started OR in_started)
    ), counted AS (
        UPDATE task SET
            runnable = new.runnable, waiting = new.waiting, failed = new.failed, started = new.started,
            finished_at = CASE WHEN new.runnable = 0 AND new.waiting = 0 THEN clock_timestamp() END,
            transitions = transitions + (
                new.before <> state_of_task(new.runnable, new.waiting, new.failed, new.started, new.cancelled)
            )::integer
        FROM new WHERE task.task_id = new.task_id
        RETURNING task.task_id, before, state AS after, transitions AS nth, watched
    ), written AS (
        INSERT INTO task_transition (task_id, nth, before, after, reason)
        SELECT task_id, nth, before, after, in_reason FROM counted WHERE before <> after
    )
    SELECT array_agg(task_id) INTO told
        FROM counted WHERE watched AND before <> after AND after IN ('complete', 'error');
    IF told IS NOT NULL THEN
        PERFORM pg_notify('messenger_finished', task_id::text) FROM unnest(told) AS task_id;
    END IF;
END
$$;

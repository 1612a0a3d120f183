-- Record the results of attempts, each once; let run what waited for them, and lease the next steps, the children
-- first and, if it is to claim, others from the queue. An attempt whose lease was taken over, or whose step was cancelled, is refused.
-- The items are sorted by task and number, so that two workers never wait for each other in a ring.
CREATE FUNCTION complete_steps(
    in_tasks bigint[], in_numbers integer[], in_attempts smallint[], in_results jsonb[],
    in_most integer, in_claim boolean, in_handlers integer[], in_lease interval, in_worker text
) RETURNS SETOF leased_step LANGUAGE plpgsql AS $$
DECLARE
    taken bigint[];
    done_tasks bigint[];
    done_numbers integer[];
    new record;
    claimed record;
    tasks bigint[] := '{}';
    numbers integer[] := '{}';
BEGIN
    IF cardinality(in_tasks) = 1 THEN
        SELECT * INTO new FROM complete_step(
            in_tasks[1], in_numbers[1], in_attempts[1], in_results[1], in_most, in_handlers, in_lease, in_worker
        );
        IF new.done THEN
            tasks := array_fill(in_tasks[1], ARRAY[cardinality(new.leased)]);
            numbers := new.leased;
        ELSE
            RETURN NEXT ROW(in_tasks[1], in_numbers[1], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::leased_step;
        END IF;
    ELSIF cardinality(in_tasks) > 1 THEN
        WITH gone AS (
            DELETE FROM queue USING unnest(in_tasks, in_numbers, in_attempts) AS item(task_id, number, attempt)
            WHERE queue.task_id = item.task_id AND queue.number = item.number
                AND queue.attempt = item.attempt AND leased
            RETURNING queue.task_id
        )
        SELECT array_agg(DISTINCT task_id) INTO taken FROM gone;
        PERFORM FROM task WHERE task_id = ANY (taken) ORDER BY task_id FOR NO KEY UPDATE;
        WITH done AS (
            UPDATE step SET
                state = 'complete', result = item.result, error = NULL, checkpoint = NULL,
                transitions = transitions + 1
            FROM unnest(in_tasks, in_numbers, in_attempts, in_results) AS item(task_id, number, attempt, result)
            WHERE step.task_id = item.task_id AND step.number = item.number
                AND step.attempt = item.attempt AND state = 'in_progress' AND item.task_id = ANY (taken)
            RETURNING step.task_id, step.number, step.transitions, step.attempt
        ), written AS (
            INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker)
            SELECT task_id, number, transitions, 'in_progress', 'complete', attempt, in_worker FROM done
        )
        SELECT array_agg(task_id), array_agg(number) INTO done_tasks, done_numbers FROM done;
        IF done_tasks IS NOT NULL THEN
            SELECT * INTO new FROM release_children(
                done_tasks, done_numbers, in_most, in_handlers, in_lease, in_worker
            );
            PERFORM count_tasks(
                done_tasks || new.released,
                array_fill(-1, ARRAY[cardinality(done_tasks)])
                    || array_fill(1, ARRAY[cardinality(new.released)]),
                NULL, NULL, false, NULL
            );
            tasks := new.leased_tasks;
            numbers := new.leased_numbers;
        END IF;
        IF cardinality(done_tasks) IS DISTINCT FROM cardinality(in_tasks) THEN
            RETURN QUERY
                SELECT task_id, number, NULL::integer, NULL::smallint, NULL::smallint, NULL, NULL, NULL, NULL, NULL::bigint
                FROM unnest(in_tasks, in_numbers) AS item(task_id, number)
                EXCEPT
                SELECT task_id, number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
                FROM unnest(done_tasks, done_numbers) AS done(task_id, number);
        END IF;
    END IF;
    IF in_claim AND cardinality(tasks) < in_most THEN
        SELECT * INTO claimed FROM claim_steps(
            in_most - cardinality(tasks), in_handlers, in_lease, in_worker, cardinality(in_tasks) = 0
        );
        tasks := tasks || claimed.leased_tasks;
        numbers := numbers || claimed.leased_numbers;
    END IF;
    IF cardinality(tasks) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT item.task_id, item.number, context.template_id, context.position, context.attempt,
            context.input::text, context.results::text, context.cursor_range::text, context.checkpoint::text,
            context.results_bytes
        FROM unnest(tasks, numbers) AS item(task_id, number)
        CROSS JOIN LATERAL step_context(item.task_id, item.number) AS context;
END
$$;

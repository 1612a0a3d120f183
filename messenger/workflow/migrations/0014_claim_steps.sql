-- Lease up to so many steps that are due and whose handlers the worker has, highest priority first. A lease that
-- ran out counts as an attempt; after the last one the step goes to error, for it may be what kills workers.
-- Whoever has locked tasks before does not wait for others, or two would wait for each other: steps whose tasks
-- are locked are left, and told of, for they are due.
CREATE FUNCTION claim_steps(
    in_most integer, in_handlers integer[], in_lease interval, in_worker text, in_wait boolean,
    OUT leased_tasks bigint[], OUT leased_numbers integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    as_of timestamptz := clock_timestamp(); -- as a variable, an index can look for it
    tasks bigint[];
    numbers integer[];
    retries integer[];
    handlers integer[];
    free bigint[];
BEGIN
    SELECT array_agg(task_id), array_agg(number), array_agg(handler_id) INTO tasks, numbers, handlers
    FROM (
        SELECT due.task_id, due.number, wanted.handler_id
        FROM unnest(in_handlers) AS wanted(handler_id)
        CROSS JOIN LATERAL (
            SELECT queue.task_id, queue.number, queue.priority, queue.due_at
            FROM queue
            WHERE queue.handler_id = wanted.handler_id AND queue.due_at <= as_of
            ORDER BY queue.priority DESC, queue.due_at
            LIMIT in_most
            FOR UPDATE SKIP LOCKED
        ) AS due
        ORDER BY due.priority DESC, due.due_at
        LIMIT in_most
    ) AS due;
    IF tasks IS NULL THEN
        RETURN;
    END IF;
    IF NOT in_wait THEN
        SELECT array_agg(task_id) INTO free FROM (
            SELECT task_id FROM task WHERE task_id = ANY (tasks) FOR NO KEY UPDATE SKIP LOCKED
        ) AS free;
        PERFORM pg_notify('messenger_runnable', handler_id::text)
            FROM unnest(tasks, handlers) AS item(task_id, handler_id)
            WHERE free IS NULL OR task_id <> ALL (free);
        SELECT array_agg(task_id), array_agg(number) INTO tasks, numbers
            FROM unnest(tasks, numbers) AS item(task_id, number) WHERE task_id = ANY (free);
        IF tasks IS NULL THEN
            RETURN;
        END IF;
    END IF;
    -- Steps that are not to be run took the places of others, that whoever is given less than asked for takes
    -- for none: so they are told of.
    IF cardinality(tasks) = 1 THEN
        UPDATE queue SET due_at = as_of + in_lease, leased = true, attempt = attempt + 1
            WHERE task_id = tasks[1] AND number = numbers[1];
        IF claim_step(tasks[1], numbers[1], in_worker) THEN
            leased_tasks := tasks;
            leased_numbers := numbers;
        ELSE
            PERFORM pg_notify('messenger_runnable', handler_id::text) FROM unnest(in_handlers) AS handler_id;
        END IF;
        RETURN;
    END IF;
    UPDATE queue SET due_at = as_of + in_lease, leased = true, attempt = attempt + 1
        FROM unnest(tasks, numbers) AS item(task_id, number)
        WHERE queue.task_id = item.task_id AND queue.number = item.number;
    PERFORM FROM task WHERE task_id = ANY (tasks) ORDER BY task_id FOR NO KEY UPDATE;
    WITH was AS (
        SELECT step.task_id, step.number, state AS before
        FROM unnest(tasks, numbers) AS item(task_id, number)
        JOIN step ON step.task_id = item.task_id AND step.number = item.number
        WHERE state IN ('enqueued', 'in_progress', 'waiting_for_retry') AND attempt < max_attempts
    ), started AS (
        UPDATE step SET
            state = 'in_progress', attempt = attempt + 1,
            transitions = transitions + CASE before WHEN 'enqueued' THEN 1 ELSE 2 END
        FROM was WHERE step.task_id = was.task_id AND step.number = was.number
        RETURNING step.task_id, step.number, before, transitions, attempt
    ), written AS (
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker, reason)
        SELECT task_id, number, transitions - 1, before, 'enqueued'::step_state, attempt - 1, NULL,
            CASE before WHEN 'in_progress' THEN 'its lease ran out' END
        FROM started WHERE before <> 'enqueued'
        UNION ALL
        SELECT task_id, number, transitions, 'enqueued', 'in_progress'::step_state, attempt, in_worker, NULL FROM started
    )
    SELECT array_agg(task_id), array_agg(number),
        array_agg((before = 'waiting_for_retry')::integer)
        INTO leased_tasks, leased_numbers, retries
    FROM started;
    IF leased_tasks IS NOT NULL THEN
        PERFORM count_tasks(
            leased_tasks, retries, array(SELECT -retry FROM unnest(retries) AS retry), NULL, true, NULL
        );
    END IF;
    IF cardinality(leased_tasks) IS DISTINCT FROM cardinality(tasks) THEN
        PERFORM bury_steps(tasks, numbers);
        PERFORM pg_notify('messenger_runnable', handler_id::text) FROM unnest(in_handlers) AS handler_id;
    END IF;
END
$$;

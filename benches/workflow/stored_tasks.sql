-- Tasks as they are found in a database that has worked for a while: of ten, one has not begun, one runs, one has
-- failed and the others are finished; of those that run or have failed, the first half of the steps is complete.
WITH chosen AS MATERIALIZED (
    SELECT task_id, workflow_id, template_id, step_count, stage,
        CASE stage WHEN 'open' THEN 0 WHEN 'finished' THEN step_count ELSE step_count / 2 END AS done
    FROM (
        SELECT nextval('messenger_workflow.task_task_id_seq') AS task_id,
            CASE
                WHEN nth %% 100 = 0 THEN 'layers-100'
                WHEN nth %% 100 < 20 THEN 'tree-7'
                WHEN nth %% 100 < 40 THEN 'diamond-4'
                ELSE 'linear-3'
            END AS name,
            CASE (nth + nth / 100) %% 10 WHEN 0 THEN 'open' WHEN 1 THEN 'running' WHEN 2 THEN 'failed' ELSE 'finished' END
                AS stage
        FROM generate_series(1, %(tasks)s::integer) AS nth
    ) AS wanted
    JOIN messenger_workflow.workflow USING (name)
    JOIN messenger_workflow.template USING (workflow_id)
), placed AS (
    SELECT task_id, stage, done, position, max_attempts, handler_id, parents <> '{}' AND position >= done AND EXISTS (
            SELECT FROM unnest(parents) AS parent WHERE parent < done
        ) AS wanted,
        CASE WHEN position < done THEN 0 ELSE (
            SELECT count(*) FROM unnest(parents) AS parent WHERE parent >= done
        ) END AS waits_for
    FROM chosen JOIN messenger_workflow.template_step USING (template_id)
), stood AS MATERIALIZED (
    SELECT placed.*, (CASE
            WHEN position < done THEN 'complete'
            WHEN waits_for > 0 THEN 'pending'
            WHEN stage = 'open' THEN 'enqueued'
            WHEN stage = 'running' THEN 'in_progress'
            ELSE 'error'
        END)::messenger_workflow.step_state AS state
    FROM placed
), counted AS (
    SELECT task_id,
        count(*) FILTER (WHERE state IN ('enqueued', 'in_progress')) AS runnable,
        count(*) FILTER (WHERE state = 'error') AS failed
    FROM stood GROUP BY task_id
), tasks AS (
    INSERT INTO messenger_workflow.task (
        task_id, workflow_id, template_id, input, step_count, runnable, failed, started, finished_at, transitions
    )
    SELECT task_id, workflow_id, template_id, '1', step_count, runnable, failed, stage <> 'open',
        CASE WHEN stage IN ('failed', 'finished') THEN clock_timestamp() END,
        CASE stage WHEN 'open' THEN 0 WHEN 'running' THEN 1 ELSE 2 END
    FROM chosen JOIN counted USING (task_id)
), task_transitions AS (
    INSERT INTO messenger_workflow.task_transition (task_id, nth, before, after)
    SELECT task_id, nth, before::messenger_workflow.task_state, after::messenger_workflow.task_state
    FROM chosen
    CROSS JOIN LATERAL (
        VALUES (1, 'pending', 'in_progress'),
            (2, 'in_progress', CASE stage WHEN 'finished' THEN 'complete' WHEN 'failed' THEN 'error' END)
    ) AS happened(nth, before, after)
    WHERE stage <> 'open' AND after IS NOT NULL
), steps AS (
    INSERT INTO messenger_workflow.step (
        task_id, number, position, state, attempt, max_attempts, waits_for, wanted, transitions, result, error
    )
    SELECT task_id, position, position, state,
        CASE WHEN state IN ('pending', 'enqueued') THEN 0 ELSE 1 END, max_attempts, waits_for, wanted,
        CASE state WHEN 'pending' THEN 0 WHEN 'enqueued' THEN 1 WHEN 'in_progress' THEN 2 ELSE 3 END,
        CASE state WHEN 'complete' THEN to_jsonb(position) END,
        CASE state WHEN 'error' THEN '{"type": "ValueError", "message": "stored so"}'::jsonb END
    FROM stood
), transitions AS (
    INSERT INTO messenger_workflow.step_transition (task_id, number, nth, before, after, attempt, worker)
    SELECT task_id, position, nth, before::messenger_workflow.step_state, after::messenger_workflow.step_state,
        attempt, CASE WHEN nth > 1 THEN 'loader' END
    FROM stood
    CROSS JOIN LATERAL (
        VALUES (1, 'pending', 'enqueued', 0), (2, 'enqueued', 'in_progress', 1), (3, 'in_progress', state::text, 1)
    ) AS happened(nth, before, after, attempt)
    WHERE state <> 'pending' AND nth <= CASE state WHEN 'enqueued' THEN 1 WHEN 'in_progress' THEN 2 ELSE 3 END
), queued AS (
    INSERT INTO messenger_workflow.queue (task_id, number, handler_id, priority, attempt, leased, due_at)
    SELECT task_id, position, handler_id, 0, CASE state WHEN 'in_progress' THEN 1 ELSE 0 END,
        state = 'in_progress',
        clock_timestamp() + CASE state WHEN 'in_progress' THEN interval '1 hour' ELSE interval '0' END
    FROM stood WHERE state IN ('enqueued', 'in_progress')
)
INSERT INTO messenger_workflow.dead_letter (task_id, number, reason, snapshot)
SELECT task_id, position, 'ValueError: stored so', '{}' FROM stood WHERE state = 'error'

-- Put a step in progress to error, and write a dead letter. Who calls has locked the task, and taken the step
-- off the queue.
CREATE FUNCTION fail_step_for_good(in_task bigint, in_number integer, in_worker text, in_error jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH failed AS (
        UPDATE step SET state = 'error', error = in_error, transitions = transitions + 1
        WHERE task_id = in_task AND number = in_number
        RETURNING *
    ), written AS (
        INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker, reason)
        SELECT task_id, number, transitions, 'in_progress', 'error', attempt, in_worker,
            left(error ->> 'message', 1000)
        FROM failed
    )
    INSERT INTO dead_letter (task_id, number, reason, snapshot)
    SELECT failed.task_id, failed.number, left(concat_ws(': ', error ->> 'type', error ->> 'message'), 1000),
        jsonb_build_object(
            'namespace', workflow.namespace, 'workflow', workflow.name, 'version', template.version,
            'identity_key', task.identity_key, 'step', template_step.name, 'handler', handler.name,
            'attempt', failed.attempt, 'input', task.input, 'results', context.results,
            'cursor_range', failed.cursor_range, 'checkpoint', failed.checkpoint, 'error', error
        )
    FROM failed
    CROSS JOIN LATERAL step_context(failed.task_id, failed.number) AS context
    JOIN task ON task.task_id = failed.task_id
    JOIN workflow ON workflow.workflow_id = task.workflow_id
    JOIN template ON template.template_id = task.template_id
    JOIN template_step
        ON template_step.template_id = task.template_id AND template_step.position = failed.position
    JOIN handler ON handler.handler_id = template_step.handler_id;
    PERFORM count_task(in_task, 'in_progress', -1, 0, 1, false, NULL);
END
$$;

-- Do as `create_tasks` does, for one task: what is short is also fast.
CREATE FUNCTION create_task(
    in_template integer, in_key text, in_input jsonb, in_priority smallint, in_due timestamptz, in_watched boolean
) RETURNS TABLE (task_id bigint, created boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    made record;
BEGIN
    INSERT INTO task (
        workflow_id, template_id, identity_key, input, priority, due_at, watched, step_count, runnable
    )
    SELECT workflow_id, template_id, in_key, in_input, in_priority, in_due, in_watched, step_count, root_count
        FROM template WHERE template_id = in_template
        ON CONFLICT (workflow_id, identity_key) WHERE identity_key IS NOT NULL DO NOTHING
        RETURNING task_id, runnable INTO made;
    IF NOT FOUND THEN
        RETURN QUERY
            SELECT taken.task_id, false
            FROM template JOIN task AS taken USING (workflow_id)
            WHERE template.template_id = in_template AND taken.identity_key = in_key;
        RETURN;
    END IF;
    INSERT INTO step (task_id, number, position, state, max_attempts, waits_for, transitions)
    SELECT made.task_id, position, position,
        CASE WHEN parents = '{}' THEN 'enqueued' ELSE 'pending' END::step_state,
        max_attempts, cardinality(parents), (parents = '{}')::integer
        FROM template_step WHERE template_id = in_template;
    INSERT INTO queue (task_id, number, handler_id, priority, attempt, leased, due_at)
    SELECT made.task_id, position, handler_id, in_priority, 0, false, coalesce(in_due, clock_timestamp())
        FROM template_step WHERE template_id = in_template AND parents = '{}';
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt)
    SELECT made.task_id, position, 1, 'pending', 'enqueued', 0
        FROM template_step WHERE template_id = in_template AND parents = '{}';
    IF in_due IS NULL OR in_due <= clock_timestamp() THEN
        PERFORM pg_notify('messenger_runnable', handler_id::text)
            FROM template_step WHERE template_id = in_template AND parents = '{}';
    END IF;
    RETURN QUERY SELECT made.task_id, true;
END
$$;

-- The steps that workers would be given next, first those that are claimed first: of one namespace, or of all.
-- A step of which a lease ran out is among them, as `leased`.
CREATE FUNCTION next_ready_steps(in_namespace text, in_most integer)
RETURNS TABLE (
    task_id bigint, number integer, step text, handler text, priority smallint, attempt smallint, leased boolean,
    due_at timestamptz
) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT due.task_id, due.number, template_step.name, due.handler, due.priority, due.attempt, due.leased, due.due_at
    FROM (
        -- Of each handler as many as are asked for: its part of the index has them in order.
        SELECT queue.*, handler.name AS handler
        FROM handler
        CROSS JOIN LATERAL (
            SELECT * FROM queue
            WHERE queue.handler_id = handler.handler_id AND queue.due_at <= statement_timestamp()
            ORDER BY queue.priority DESC, queue.due_at
            LIMIT in_most
        ) AS queue
        WHERE handler.namespace = coalesce(in_namespace, handler.namespace)
        ORDER BY queue.priority DESC, queue.due_at
        LIMIT in_most
    ) AS due
    JOIN task ON task.task_id = due.task_id
    JOIN step ON step.task_id = due.task_id AND step.number = due.number
        AND step.state IN ('enqueued', 'in_progress', 'waiting_for_retry') -- or it is left over from before
    JOIN template_step
        ON template_step.template_id = task.template_id AND template_step.position = step.position
    ORDER BY due.priority DESC, due.due_at, due.task_id, due.number;
END;

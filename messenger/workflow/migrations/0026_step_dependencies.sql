-- All that a step depends on, also by way of others: how many steps before it, by the shortest way, and how that
-- stands. Of a batch's worker there is a row for each clone.
CREATE FUNCTION step_dependencies(in_task bigint, in_number integer)
RETURNS TABLE (depth integer, number integer, step text, state step_state)
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- A row a depth, with the steps that are new at it: a row a step would come once for each way to it, and
    -- there may be more of those than anybody could wait for.
    WITH RECURSIVE level(template_id, depth, positions, seen) AS (
        SELECT task.template_id, 1, own.parents, own.parents
        FROM step
        JOIN task ON task.task_id = step.task_id
        JOIN template_step AS own
            ON own.template_id = task.template_id AND own.position = step.position
        WHERE step.task_id = in_task AND step.number = in_number
        UNION ALL
        SELECT level.template_id, level.depth + 1, above.positions, level.seen || above.positions
        FROM level
        CROSS JOIN LATERAL (
            SELECT ARRAY(
                SELECT DISTINCT parent.position
                FROM template_step AS below
                CROSS JOIN unnest(below.parents) AS parent(position)
                WHERE below.template_id = level.template_id AND below.position = ANY (level.positions)
                    AND parent.position <> ALL (level.seen)
            ) AS positions
            OFFSET 0 -- else it is done again for each mention of the positions
        ) AS above
        WHERE above.positions <> '{}'
    )
    SELECT level.depth, found.number, found.name, found.state
    FROM level
    CROSS JOIN unnest(level.positions) AS wanted(position)
    CROSS JOIN LATERAL (
        SELECT step.number, own.name, step.state
        FROM template_step AS own
        JOIN step ON step.task_id = in_task AND step.number = own.position
        WHERE own.template_id = level.template_id AND own.position = wanted.position AND NOT own.cloned
        UNION ALL
        SELECT step.number, own.name, step.state
        FROM template_step AS own
        JOIN step ON step.task_id = in_task AND step.position = own.position
        WHERE own.template_id = level.template_id AND own.position = wanted.position AND own.cloned
    ) AS found
    ORDER BY level.depth, found.number;
END;

-- What a step is run with. The results are of the steps that it depends on and that were not skipped, by
-- name; of a batch's worker they are a list, in the order of the ranges. A clone has none, but its range. They are null when they are too large
-- to be put together, in which case their size is all that can be had of them.
CREATE FUNCTION step_context(in_task bigint, in_number integer)
RETURNS TABLE (
    template_id integer, "position" smallint, attempt smallint, input jsonb, cursor_range jsonb, checkpoint jsonb,
    results_bytes bigint, results jsonb
) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT task.template_id, step.position, step.attempt, task.input, step.cursor_range, step.checkpoint,
        found.bytes, found.results
    FROM step
    JOIN task ON task.task_id = step.task_id
    JOIN template_step AS own
        ON own.template_id = task.template_id AND own.position = step.position
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(given.bytes), 0) AS bytes,
            CASE WHEN coalesce(sum(given.bytes), 0) < 33554432
                THEN coalesce(jsonb_object_agg(given.name, given.result), '{}') END AS results
        FROM (
            -- Each parent is looked up by itself: a join reads all steps of the task, who may be 10,000 clones,
            -- for the planner knows only how many tasks have on average. The size comes first, for a
            -- list of more than 256 MiB is an error.
            SELECT parent.name, size.bytes, CASE
                WHEN NOT parent.cloned THEN (
                    SELECT done.result FROM step AS done
                    WHERE done.task_id = step.task_id AND done.number = wanted.number
                )
                WHEN size.bytes < 33554432 THEN (
                    SELECT coalesce(jsonb_agg(done.result ORDER BY done.number), '[]') FROM step AS done
                    WHERE done.task_id = step.task_id AND done.position = wanted.number AND done.result IS NOT NULL
                )
            END AS result
            FROM unnest(own.parents) AS wanted(number)
            JOIN template_step AS parent
                ON parent.template_id = task.template_id AND parent.position = wanted.number
            CROSS JOIN LATERAL (
                SELECT CASE WHEN parent.cloned THEN (
                    SELECT CASE WHEN batch.result IS NOT NULL THEN (
                        SELECT coalesce(sum(pg_column_size(done.result)), 0) FROM step AS done
                        WHERE done.task_id = step.task_id AND done.position = wanted.number
                    ) END
                    FROM step AS batch
                    WHERE batch.task_id = step.task_id AND batch.number = parent.parents[1]
                ) ELSE (
                    SELECT pg_column_size(done.result) FROM step AS done
                    WHERE done.task_id = step.task_id AND done.number = wanted.number
                ) END AS bytes
            ) AS size
            -- A clone has its range: the list of all of them would be 10,000 times as much.
            WHERE NOT own.cloned
            OFFSET 0 -- else it is done again for each mention of the result
        ) AS given
        WHERE given.bytes IS NOT NULL
    ) AS found
    WHERE step.task_id = in_task AND step.number = in_number;
END;

-- What the steps of a task have returned, by name; of a batch's worker a list, in the order of the ranges.
-- They are null when they are too large to be put together, in which case their size is all there is to have.
CREATE FUNCTION task_results(in_task bigint) RETURNS TABLE (results_bytes bigint, results text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT bytes, CASE WHEN bytes < 33554432 THEN (
        SELECT coalesce(jsonb_object_agg(given.name, given.result), '{}')
        FROM (
            SELECT own.name,
                CASE WHEN own.cloned THEN coalesce(
                    jsonb_agg(step.result ORDER BY step.number) FILTER (WHERE step.result IS NOT NULL), '[]'
                )
                    ELSE (array_agg(step.result))[1] END AS result
            FROM task
            JOIN step ON step.task_id = task.task_id
            JOIN template_step AS own
                ON own.template_id = task.template_id AND own.position = step.position
            LEFT JOIN step AS batch
                ON own.cloned AND batch.task_id = task.task_id AND batch.number = own.parents[1]
            WHERE task.task_id = in_task AND coalesce(batch.result, step.result) IS NOT NULL
            GROUP BY own.position, own.name, own.cloned
        ) AS given
    )::text END
    FROM (
        SELECT coalesce(sum(pg_column_size(result)), 0) AS bytes FROM step WHERE task_id = in_task
    ) AS size;
END;

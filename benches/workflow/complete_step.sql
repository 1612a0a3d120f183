-- A transition of a step as `complete_steps` does it: the state is compared and set, and what happened is written.
WITH done AS (
    UPDATE step SET
        state = 'complete', result = item.result, error = NULL, checkpoint = NULL, transitions = transitions + 1
    FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::jsonb[]) AS item(task_id, number, attempt, result)
    WHERE step.task_id = item.task_id AND step.number = item.number
        AND step.attempt = item.attempt AND state = 'in_progress' AND item.task_id = ANY ($1)
    RETURNING step.task_id, step.number, step.transitions, step.attempt
), written AS (
    INSERT INTO step_transition (task_id, number, nth, before, after, attempt, worker)
    SELECT task_id, number, transitions, 'in_progress', 'complete', attempt, 'bench' FROM done
)
SELECT task_id, number FROM done

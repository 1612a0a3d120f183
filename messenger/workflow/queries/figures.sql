-- One row for operators. How many tasks there are is the planner's estimate, as of the last ANALYZE: counting
-- them would read them all.
SELECT due, leased, waiting, oldest_due_seconds, open_dead_letters, tasks
FROM (
    SELECT
        count(*) FILTER (WHERE NOT leased AND due_at <= moment) AS due,
        count(*) FILTER (WHERE leased) AS leased,
        count(*) FILTER (WHERE NOT leased AND due_at > moment) AS waiting,
        coalesce(
            extract(epoch FROM moment - min(due_at) FILTER (WHERE NOT leased AND due_at <= moment)), 0
        )::double precision AS oldest_due_seconds
    FROM (SELECT clock_timestamp() AS moment) AS now LEFT JOIN messenger_workflow.queue ON true
    GROUP BY moment
) AS queue, (
    SELECT count(*) AS open_dead_letters FROM messenger_workflow.dead_letter WHERE settled_at IS NULL
) AS dead, (
    SELECT coalesce(jsonb_object_agg(state, round(share * reltuples)), '{}')::text AS tasks
    FROM pg_class
    CROSS JOIN pg_stats
    CROSS JOIN LATERAL unnest(most_common_vals::text::text[], most_common_freqs) AS common(state, share)
    WHERE pg_class.oid = 'messenger_workflow.task'::regclass AND reltuples > 0
        AND schemaname = 'messenger_workflow' AND tablename = 'task' AND attname = 'state'
) AS estimate

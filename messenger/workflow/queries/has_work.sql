-- What is due, runs or waits to be tried again; what was scheduled for later is not waited for.
SELECT EXISTS (
    SELECT FROM messenger_workflow.queue
    WHERE handler_id = ANY (%s::integer[]) AND (leased OR attempt > 0 OR due_at <= clock_timestamp())
)

SELECT messenger_workflow.cancel_task(%s::bigint, %s)::text

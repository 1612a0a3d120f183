SELECT * FROM messenger_workflow.task_results(%s::bigint)

SELECT to_regclass('messenger_workflow.migration') IS NOT NULL

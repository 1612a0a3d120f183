SELECT number, name, checksum FROM messenger_workflow.migration ORDER BY number

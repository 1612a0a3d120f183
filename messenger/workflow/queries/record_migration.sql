INSERT INTO messenger_workflow.migration (number, name, checksum) VALUES (%s, %s, %s)

-- A name that a migration does not qualify is ours, whatever the role's own search_path.
SET LOCAL search_path = messenger_workflow

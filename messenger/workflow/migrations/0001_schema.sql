-- What every later migration is recorded in; the engine's own tables come after it.

CREATE SCHEMA IF NOT EXISTS messenger_workflow;

CREATE TABLE messenger_workflow.migration (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL CHECK (name <> ''),
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'), -- SHA-256 of the file, in hexadecimal
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

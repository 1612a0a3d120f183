-- Where everything is kept: templates, the tasks made of them, and what has happened to these.
--
-- Locks are taken in one order: rows of the queue, then tasks by their numbers, then steps. Who has a task's lock
-- waits neither for a row of the queue nor for another task, but leaves what is locked, and tells of it.

CREATE TYPE step_state AS ENUM (
    'pending', 'enqueued', 'in_progress', 'waiting_for_retry', 'complete', 'error', 'cancelled',
    'resolved_manually'
);

CREATE TYPE task_state AS ENUM ('pending', 'in_progress', 'waiting', 'complete', 'error', 'cancelled');

-- The rules below are functions in PL/pgSQL, and few: PostgreSQL reads the text of each constraint of a table
-- again with every statement that writes to it, which took an eighth of the engine's time.

-- As `state.task_state` has it.
CREATE FUNCTION state_of_task(
    runnable integer, waiting integer, failed integer, started boolean, cancelled boolean
) RETURNS task_state LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN cancelled THEN 'cancelled'
        WHEN runnable > 0 AND started THEN 'in_progress'
        WHEN runnable > 0 THEN 'pending'
        WHEN waiting > 0 THEN 'waiting'
        WHEN failed > 0 THEN 'error'
        ELSE 'complete'
    END;
END
$$;

-- As `state.STEP_TRANSITIONS` has them.
CREATE FUNCTION may_become(before step_state, after step_state)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE before
        WHEN 'pending' THEN after IN ('enqueued', 'cancelled')
        WHEN 'enqueued' THEN after IN ('in_progress', 'cancelled')
        WHEN 'in_progress' THEN
            after IN ('complete', 'error', 'waiting_for_retry', 'enqueued', 'cancelled')
        WHEN 'waiting_for_retry' THEN after IN ('enqueued', 'cancelled')
        WHEN 'error' THEN after IN ('resolved_manually', 'enqueued', 'cancelled')
        ELSE false
    END;
END
$$;

-- As `state.TASK_TRANSITIONS` has them.
CREATE FUNCTION may_become(before task_state, after task_state)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE before
        WHEN 'pending' THEN after IN ('in_progress', 'cancelled')
        WHEN 'in_progress' THEN after IN ('waiting', 'complete', 'error', 'cancelled')
        WHEN 'waiting' THEN after IN ('in_progress', 'cancelled')
        WHEN 'error' THEN after IN ('in_progress', 'waiting', 'complete', 'cancelled')
        ELSE false
    END;
END
$$;

-- What must hold of a step in each state.
CREATE FUNCTION is_step(
    state step_state, attempt smallint, max_attempts smallint, waits_for integer, has_result boolean,
    has_error boolean
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN attempt BETWEEN 0 AND max_attempts
        AND waits_for >= 0
        AND (waits_for = 0 OR state IN ('pending', 'cancelled'))
        AND has_result = (state IN ('complete', 'resolved_manually'))
        AND (attempt > 0 OR state NOT IN ('in_progress', 'waiting_for_retry', 'complete', 'error'))
        AND (has_error OR state NOT IN ('waiting_for_retry', 'error'));
END
$$;

-- All versions of a template; an identity key is unique within it, so that a deployment creates nothing twice.
CREATE TABLE workflow (
    workflow_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    UNIQUE (namespace, name)
);

CREATE TABLE template (
    template_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id integer NOT NULL REFERENCES workflow,
    version text COLLATE "C" NOT NULL,
    definition jsonb NOT NULL,
    root_count smallint NOT NULL CHECK (root_count > 0),
    step_count smallint NOT NULL CHECK (step_count >= root_count),
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (workflow_id, version)
);

-- A number for a handler's name, so that the queue's rows are narrow.
CREATE TABLE handler (
    handler_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    UNIQUE (namespace, name)
);

CREATE TABLE template_step (
    template_id integer NOT NULL REFERENCES template,
    position smallint NOT NULL CHECK (position >= 0), -- in the template, from 0
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('task', 'decision', 'batch')),
    handler_id integer NOT NULL REFERENCES handler,
    max_attempts smallint NOT NULL CHECK (max_attempts > 0),
    parents smallint[] NOT NULL, -- positions, as are all of these
    children smallint[] NOT NULL,
    releases smallint[] NOT NULL, -- the children that wait for nothing but its completion
    may_create smallint[] NOT NULL, -- of a decision: the children that it chooses among
    worker smallint, -- of a batch: the child that is cloned
    cloned boolean NOT NULL, -- it is the worker of a batch
    PRIMARY KEY (template_id, position),
    UNIQUE (template_id, name),
    CHECK (children @> releases AND children @> may_create),
    CHECK ((kind = 'batch') = (worker IS NOT NULL))
);

CREATE TABLE task (
    task_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workflow_id integer NOT NULL REFERENCES workflow,
    template_id integer NOT NULL REFERENCES template,
    identity_key text COLLATE "C",
    input jsonb NOT NULL,
    priority smallint NOT NULL DEFAULT 0, -- the higher is claimed first
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz, -- of a scheduled task
    finished_at timestamptz,
    step_count integer NOT NULL, -- clones are numbered from here
    runnable integer NOT NULL, -- steps that are enqueued or in progress
    waiting integer NOT NULL DEFAULT 0, -- steps that wait for a retry
    failed integer NOT NULL DEFAULT 0, -- steps in error
    started boolean NOT NULL DEFAULT false,
    cancelled boolean NOT NULL DEFAULT false,
    watched boolean NOT NULL DEFAULT false, -- somebody waits to be told of its end
    transitions integer NOT NULL DEFAULT 0,
    -- Never written, so never wrong: it follows from what is counted.
    state task_state NOT NULL
        GENERATED ALWAYS AS (state_of_task(runnable, waiting, failed, started, cancelled)) STORED,
    CHECK (least(runnable, waiting, failed) >= 0)
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX task_identity ON task (workflow_id, identity_key) WHERE identity_key IS NOT NULL;

-- No foreign key to the task: its check would cost each step more than its row does, and only
-- `create_tasks` and the cloning of a batch's worker add rows.
CREATE TABLE step (
    task_id bigint NOT NULL,
    number integer NOT NULL, -- in the task: its position, or of a clone what comes after
    position smallint NOT NULL,
    state step_state NOT NULL,
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL,
    waits_for integer NOT NULL, -- how many parents have not ended
    wanted boolean NOT NULL DEFAULT false, -- one of them was not skipped
    transitions integer NOT NULL DEFAULT 0,
    cursor_range jsonb,
    checkpoint jsonb,
    result jsonb,
    error jsonb,
    PRIMARY KEY (task_id, number),
    CHECK (is_step(state, attempt, max_attempts, waits_for, result IS NOT NULL, error IS NOT NULL))
) WITH (fillfactor = 70);

-- Not compressed, for pg_column_size is to tell how much room results take that are put together.
ALTER TABLE step ALTER COLUMN result SET STORAGE EXTERNAL;

-- One row a step that a worker may or did claim; gone once the step is settled. A claim is a lease: it moves
-- due_at ahead, and whoever finds a lease that ran out may claim the step again. The attempt is the lease's
-- token. Whoever holds a task's lock never waits for a row of it here; one that could not be taken away
-- is found to be stale by who holds it.
CREATE TABLE queue (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    handler_id integer NOT NULL,
    priority smallint NOT NULL,
    attempt smallint NOT NULL,
    leased boolean NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, number)
) WITH (
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX queue_due ON queue (handler_id, priority DESC, due_at);

-- What has happened, each once: the keys are counted on the rows above.
CREATE TABLE step_transition (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    nth integer NOT NULL,
    before step_state NOT NULL,
    after step_state NOT NULL,
    attempt smallint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    worker text, -- who began or ended the attempt
    reason text,
    PRIMARY KEY (task_id, number, nth),
    CHECK (may_become(before, after))
);

CREATE TABLE task_transition (
    task_id bigint NOT NULL,
    nth integer NOT NULL,
    before task_state NOT NULL,
    after task_state NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    PRIMARY KEY (task_id, nth),
    CHECK (may_become(before, after))
);

-- Steps that failed for good, with what is needed to understand them when all else is gone.
CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL,
    snapshot jsonb NOT NULL,
    settled_at timestamptz -- by a person, who resolved it, let it try again or cancelled its task
);

CREATE INDEX dead_letter_open ON dead_letter (dead_letter_id) WHERE settled_at IS NULL;
CREATE INDEX dead_letter_step ON dead_letter (task_id, number);

-- What a worker is told: a step that it has leased, or, without a template, an item that was refused.
CREATE TYPE leased_step AS (
    task_id bigint,
    number integer,
    template_id integer,
    position smallint,
    attempt smallint,
    input text,
    results text,
    cursor_range text,
    checkpoint text,
    results_bytes bigint
);

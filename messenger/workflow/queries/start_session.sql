-- Of a table that is new or small the planner thinks it best read whole, and a plan that was made then stays when
-- it has grown; planning anew for each call takes longer than the statement itself. What is looked for is mostly in
-- memory: were a page out of order dear, a template's hundred steps would be read to find one.
SELECT
    set_config('search_path', 'messenger_workflow', false),
    set_config('default_transaction_isolation', 'read committed', false), -- functions lock, and then look again
    set_config('jit', 'off', false),
    set_config('random_page_cost', '1.1', false),
    set_config('plan_cache_mode', 'force_generic_plan', false),
    set_config('enable_seqscan', 'off', false),
    set_config('enable_hashjoin', 'off', false),
    set_config('enable_mergejoin', 'off', false)

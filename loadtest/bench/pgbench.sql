-- What Holdfast asks the database for each plain question, by itself: pgbench runs it as the floor of the shared ledger.
\set card random(0, CARDS - 1)
\set id random(1, 9000000000000000000)
SELECT said FROM holdfast.decide('bench', 'marqeta', CASE WHEN CARDS = 1 THEN 'card-bench-000000' ELSE 'card-bench-' || lpad((:card)::text, 6, '0') END,
    'USD', CASE WHEN CARDS = 1 THEN 'user-bench-000000' ELSE 'user-bench-' || lpad((:card)::text, 6, '0') END, gen_random_uuid(), gen_random_uuid(), now(), 'jit-bench-0123456789abcdef', ARRAY[gen_random_uuid(), gen_random_uuid()],
    'tx-bench-0123456789abcdef', :id, :id, now(), now() + interval '10 seconds', true, NULL, 999, 999, false, 0, 999, 'open', 'hold',
    999, 999, 0, 0, 'told', now() + interval '35 days', decode(repeat('01', 60), 'hex'),
    ARRAY[991, 992]::bigint[], ARRAY['card', 'account'], ARRAY['since', 'rolling'], ARRAY[1700000000000000, 19700], ARRAY[0, 30],
    ARRAY[100000000000, 100000000000], ARRAY[1000000000, NULL]::bigint[], ARRAY[true, true], ARRAY['\x0100', '\x0100']::bytea[],
    ARRAY[1, 2], true, 999, 1, decode(repeat('02', 60), 'hex'), decode(repeat('03', 220), 'hex'), decode(repeat('04', 60), 'hex'),
    decode(repeat('05', 30), 'hex'), '\x0001', 7);

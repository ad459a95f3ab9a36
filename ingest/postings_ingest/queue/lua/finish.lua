-- Count what became of a batch, and remove it, or keep the rest that is left to do. Only the latest lease may do it.
-- If Redis lost the batch, the arguments have everything that is needed.
local id, token, job, queue, arrival, documents = unpack(ARGV, 1, 6)
local rest, left = ARGV[11], tonumber(ARGV[12])
local state = lease_state(id, token)
if state == 'taken' then
  return state
end
dequeue(id, queue, tonumber(documents))
restore_submitted(id, job, arrival, documents)
if rest == '' then
  remove_batch(id)
else
  add_batch(id, rest, left, job, queue, arrival)
  -- The token must exceed all that were given before, even after a loss.
  redis.call('HSET', batch_key(id), 'token', token + 1)
end
-- All other documents have failed: a batch that can't be read leaves one dead letter for all of them.
local failed = tonumber(documents) - left
for at, field in ipairs({'indexed', 'superseded', 'deleted'}) do
  count(job, field, ARGV[6 + at])
  failed = failed - tonumber(ARGV[6 + at])
end
count(job, 'failed', failed)
count(job, 'unchanged', ARGV[10])  -- of those indexed
for at = 13, #ARGV do
  redis.call('XADD', P .. ':dead', '*', 'job', job, 'letter', ARGV[at])
end
return state

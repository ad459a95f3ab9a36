-- Count what became of a batch and forget it; or, if a rest is left to do, keep that. Only its last holder may.
-- Of a batch that Redis lost, the holder knows everything that it takes.
local id, token, job, queue, arrival, documents = unpack(ARGV, 1, 6)
local rest, left = ARGV[11], tonumber(ARGV[12])
local held = holding(id, token)
if held == 'taken' then
  return held
end
leave(id, queue, tonumber(documents))
vouch(id, job, arrival, documents)
if rest == '' then
  forget(id)
else
  create(id, rest, left, job, queue, arrival)
  -- Grows beyond any token that was given: after a loss, too.
  redis.call('HSET', batch_key(id), 'token', token + 1)
end
-- Whatever isn't accounted for has failed: a batch that can't be read leaves one letter for all its documents.
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
return held

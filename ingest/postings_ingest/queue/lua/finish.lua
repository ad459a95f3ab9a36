-- Count what became of a batch and forget it; or, if a rest is left to do, keep that. Only its last holder may.
local id, token = ARGV[1], ARGV[2]
local batch = redis.call('HMGET', batch_key(id), 'token', 'job', 'queue', 'documents')
if batch[1] ~= token then
  return 0
end
local job, queue = batch[2], batch[3]
leave(id, queue, tonumber(batch[4]))
if ARGV[6] == '' then
  redis.call('DEL', batch_key(id))
else
  redis.call('HSET', batch_key(id), 'payload', ARGV[6], 'documents', ARGV[7], 'deliveries', 0)
  redis.call('HINCRBY', batch_key(id), 'token', 1)
  wait(id, queue, tonumber(ARGV[7]))
end
-- Whatever isn't accounted for has failed: a batch that can't be read leaves one letter for all its documents.
local failed = tonumber(batch[4]) - tonumber(ARGV[7])
for at, field in ipairs({'indexed', 'superseded', 'deleted'}) do
  count(job, field, ARGV[2 + at])
  failed = failed - tonumber(ARGV[2 + at])
end
count(job, 'failed', failed)
for at = 8, #ARGV do
  redis.call('XADD', P .. ':dead', '*', 'job', job, 'letter', ARGV[at])
end
return 1

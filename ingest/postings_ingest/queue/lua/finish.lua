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
  wait(id, queue, tonumber(ARGV[7]))
end
for at, field in ipairs({'indexed', 'superseded', 'deleted'}) do
  count(job, field, ARGV[2 + at])
end
for at = 8, #ARGV do
  redis.call('XADD', P .. ':dead', '*', 'job', job, 'letter', ARGV[at])
  count(job, 'failed', 1)
end
return 1

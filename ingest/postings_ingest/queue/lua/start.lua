-- Lease a batch to a worker, unless it is finished, or another worker holds it.
local id, lease = ARGV[1], tonumber(ARGV[2])
local batch = redis.call('HMGET', batch_key(id), 'payload', 'job', 'queue', 'arrival', 'documents')
if not batch[1] then
  return {'finished'}
end
local queue, documents = batch[3], tonumber(batch[5])
local expiry = redis.call('ZSCORE', P .. ':leased', id)
if expiry and tonumber(expiry) > now() then
  return {'held'}
end
-- Queues are first in, first out: what was published long before this was lost on its way.
local published = redis.call('ZSCORE', P .. ':waiting:' .. queue, id)
if published and tonumber(published) > tonumber(redis.call('GET', P .. ':started:' .. queue) or 0) then
  redis.call('SET', P .. ':started:' .. queue, published)
end
leave(id, queue, documents)
redis.call('ZADD', P .. ':leased', now() + lease, id)
redis.call('HINCRBY', P .. ':counts', 'leased', documents)
local deliveries = redis.call('HINCRBY', batch_key(id), 'deliveries', 1)
local token = redis.call('HINCRBY', batch_key(id), 'token', 1)
return {'started', batch[1], batch[2], batch[3], batch[4], tostring(deliveries), tostring(token)}

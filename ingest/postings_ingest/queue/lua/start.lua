-- Lease a batch to a worker, unless it is finished, or another worker holds it.
-- Repeated with the same attempt, it changes nothing.
local id, lease, attempt = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local names = {'payload', 'job', 'queue', 'arrival', 'documents', 'attempt', 'deliveries', 'token'}
local batch = redis.call('HMGET', batch_key(id), unpack(names))
if not batch[1] then
  for at = 4, #ARGV do
    redis.call('ZREM', P .. ':waiting:' .. ARGV[at], id)
  end
  return {'finished'}
end
local queue, documents = batch[3], tonumber(batch[5])
local expiry = redis.call('ZSCORE', P .. ':leased', id)
if expiry and tonumber(expiry) > now() then
  if batch[6] ~= attempt then
    return {'held'}
  end
  return {'started', batch[1], batch[2], batch[3], batch[4], tostring(batch[7] + 1), batch[8]}
end
-- Queues are first in, first out: what was published long before this was lost on its way. And whatever waits in a
-- queue that workers look into before this one was lost too, for they found nothing there.
local function started(queue, published)
  if published and tonumber(published) > tonumber(redis.call('GET', P .. ':started:' .. queue) or 0) then
    redis.call('SET', P .. ':started:' .. queue, published)
  end
end
for at = 4, #ARGV do
  if ARGV[at] == queue then
    started(queue, redis.call('ZSCORE', P .. ':waiting:' .. queue, id))
    break
  end
  started(ARGV[at], now())
end
leave(id, queue, documents)
redis.call('ZADD', P .. ':leased', now() + lease, id)
redis.call('HINCRBY', P .. ':counts', 'leased', documents)
redis.call('HSET', batch_key(id), 'attempt', attempt)
local token = redis.call('HINCRBY', batch_key(id), 'token', 1)
return {'started', batch[1], batch[2], batch[3], batch[4], tostring(batch[7] + 1), tostring(token)}

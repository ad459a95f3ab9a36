-- Lease a batch to a worker, unless it is finished, leased by another worker, or lost by Redis.
-- Repeating it with the same attempt changes nothing.
local id, lease, attempt = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local names = {'payload', 'job', 'queue', 'arrival', 'documents', 'attempt', 'deliveries', 'token'}
local batch = redis.call('HMGET', batch_key(id), unpack(names))
local queues = {unpack(ARGV, 4)}
local expiry = redis.call('ZSCORE', P .. ':leased', id)
local leased = expiry and tonumber(expiry) > now()
if not batch[1] then
  if leased then
    return {'leased'}  -- by a worker that has its payload
  end
  local known = expiry
  for _, queue in ipairs(queues) do
    known = known or redis.call('ZSCORE', P .. ':waiting:' .. queue, id)
  end
  return known and {'lost', tostring(fail_lost_batch(id, queues))} or {'finished'}
end
local queue, documents = batch[3], tonumber(batch[5])
if leased then
  if batch[6] ~= attempt then
    return {'leased'}
  end
  return {'started', batch[1], batch[2], batch[3], batch[4], tostring(batch[7] + 1), batch[8], batch[5]}
end
-- Queues are first in, first out, so an announcement from long before this one is lost. So are all that wait in a
-- queue that workers look into before this one: they found nothing there.
local function started(queue, published)
  if published and tonumber(published) > tonumber(redis.call('GET', P .. ':started:' .. queue) or 0) then
    redis.call('SET', P .. ':started:' .. queue, published)
  end
end
for _, each in ipairs(queues) do
  if each == queue then
    started(queue, redis.call('ZSCORE', P .. ':waiting:' .. queue, id))
    break
  end
  started(each, now())
end
dequeue(id, queue, documents)
redis.call('ZADD', P .. ':leased', now() + lease, id)
redis.call('HINCRBY', P .. ':counts', 'leased', documents)
redis.call('HSET', batch_key(id), 'attempt', attempt)
local token = redis.call('HINCRBY', batch_key(id), 'token', 1)
return {'started', batch[1], batch[2], batch[3], batch[4], tostring(batch[7] + 1), tostring(token), batch[5]}

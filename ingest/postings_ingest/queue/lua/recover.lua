-- Find batches to announce again: their lease has expired, or their announcement was lost.
-- Also returns the number of documents that Redis has lost.
-- First renew the caller's own leases, because after a pause of Redis they look expired.
local timeout, idle, queues = tonumber(ARGV[1]), ARGV[2] == '1', {unpack(ARGV, 4, 3 + ARGV[3])}
for at = 4 + #queues, #ARGV do
  redis.call('ZADD', P .. ':leased', 'XX', now() + timeout, ARGV[at])
end
-- If Redis' clock was set back, reduce times that are far in the future: otherwise nothing would expire until then.
local far = now() + math.max(10 * timeout, 60000)
local function cap(set, latest)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '(' .. string.format('%.0f', far), '+inf', 'LIMIT', 0, 100)) do
    redis.call('ZADD', set, latest, id)
  end
end
cap(P .. ':leased', now() + timeout)
local found, lost = {}, 0
local function announce(id, queue)
  found[#found + 1] = id
  found[#found + 1] = queue
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. ':leased', '-inf', now(), 'LIMIT', 0, 100)) do
  local batch = redis.call('HMGET', batch_key(id), 'queue', 'documents')
  if batch[1] then
    dequeue(id, batch[1], tonumber(batch[2]))
    enqueue(id, batch[1], tonumber(batch[2]))
    announce(id, batch[1])
  else
    lost = lost + fail_lost_batch(id, queues)
  end
end
for _, queue in ipairs(queues) do
  local waiting = P .. ':waiting:' .. queue
  cap(waiting, now())
  local before = now() - timeout
  if not idle then
    before = math.min(before, tonumber(redis.call('GET', P .. ':started:' .. queue) or 0) - timeout)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', before, 'LIMIT', 0, 100)) do
    if redis.call('EXISTS', batch_key(id)) == 1 then
      redis.call('ZADD', waiting, now(), id)
      announce(id, queue)
    else
      lost = lost + fail_lost_batch(id, queues)
    end
  end
end
return {lost, found}

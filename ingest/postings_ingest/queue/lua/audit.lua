-- Check some batches for what Redis has lost: their key, or their entry in the set of their queue.
local queues = {unpack(ARGV, 2)}
local scanned = redis.call('HSCAN', P .. ':batches', ARGV[1], 'COUNT', 200)
local lost = 0
for at = 1, #scanned[2], 2 do
  local id = scanned[2][at]
  local _, queue, documents = unpack(cjson.decode(scanned[2][at + 1]))
  local expiry = redis.call('ZSCORE', P .. ':leased', id)
  if redis.call('EXISTS', batch_key(id)) == 1 then
    if not expiry and not redis.call('ZSCORE', P .. ':waiting:' .. queue, id) then
      enqueue(id, queue, documents)
      redis.call('SET', P .. ':recount', 1, 'EX', 3600)
    end
  elseif not (expiry and tonumber(expiry) > now()) then  -- otherwise the worker that leased it has its payload
    lost = lost + fail_lost_batch(id, queues)
  end
end
-- Once each batch is in a set, the counts are made anew if they still have a set that Redis lost, or were lost
-- themselves. If batches came since, that is seen when a count falls below 0.
local function are_wrong()
  local leased, waiting = unpack(redis.call('HMGET', P .. ':counts', 'leased', 'waiting'))
  return redis.call('DEL', P .. ':recount') == 1 or tonumber(leased or 0) < 0 or tonumber(waiting or -1) < 0
end
if scanned[1] == '0' and redis.call('EXISTS', P .. ':batches') == 1 and are_wrong() then
  local counts, kept = {leased = 0, waiting = 0}, redis.call('HGETALL', P .. ':batches')
  for at = 1, #kept, 2 do
    local _, _, documents = unpack(cjson.decode(kept[at + 1]))
    local set = redis.call('ZSCORE', P .. ':leased', kept[at]) and 'leased' or 'waiting'
    counts[set] = counts[set] + documents
  end
  redis.call('HSET', P .. ':counts', 'leased', counts.leased, 'waiting', counts.waiting)
end
return {scanned[1], lost}

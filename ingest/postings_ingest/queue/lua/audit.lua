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
    end
  elseif not (expiry and tonumber(expiry) > now()) then  -- otherwise the worker that leased it has its payload
    lost = lost + fail_lost_batch(id, queues)
  end
end
return {scanned[1], lost}

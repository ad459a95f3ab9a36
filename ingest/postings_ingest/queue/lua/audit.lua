-- Look through some batches for what Redis lost of them: a batch's key, or the sets that it should be in.
local cursor, queues = ARGV[1], {ARGV[2], ARGV[3]}
local scanned = redis.call('HSCAN', P .. ':batches', cursor, 'COUNT', 200)
local lost = 0
for at = 1, #scanned[2], 2 do
  local id = scanned[2][at]
  local job, queue, documents = unpack(cjson.decode(scanned[2][at + 1]))
  local exists = redis.call('EXISTS', batch_key(id)) == 1
  local expiry = redis.call('ZSCORE', P .. ':leased', id)
  local waits = redis.call('ZSCORE', P .. ':waiting:' .. queue, id)
  if exists and not expiry and not waits then
    wait(id, queue, documents)
  elseif not exists and not waits and not expiry then
    local counted = redis.call('HMGET', P .. ':job:' .. job, 'submitted', 'indexed', 'superseded', 'deleted', 'failed')
    local awaited = tonumber(counted[1] or documents)  -- of a job that is lost, too, everything
    for field = 2, 5 do
      awaited = awaited - tonumber(counted[field] or 0)
    end
    if awaited >= documents then
      lost = lost + bury(id, queues)
    else  -- a worker of an older version finished it
      redis.call('HDEL', P .. ':batches', id)
    end
  elseif not exists and not (expiry and tonumber(expiry) > now()) then
    lost = lost + bury(id, queues)
  end
end
return {scanned[1], lost}

-- Look through some batches for what Redis lost of them: a batch's key, or the sets that it should be in.
local queues = {ARGV[2], ARGV[3]}
local scanned = redis.call('HSCAN', P .. ':batches', ARGV[1], 'COUNT', 200)
local lost = 0
for at = 1, #scanned[2], 2 do
  local id = scanned[2][at]
  local _, queue, documents = unpack(cjson.decode(scanned[2][at + 1]))
  local expiry = redis.call('ZSCORE', P .. ':leased', id)
  if redis.call('EXISTS', batch_key(id)) == 1 then
    if not expiry and not redis.call('ZSCORE', P .. ':waiting:' .. queue, id) then
      wait(id, queue, documents)
    end
  elseif not (expiry and tonumber(expiry) > now()) then  -- else whoever holds it has its payload
    lost = lost + bury(id, queues)
  end
end
return {scanned[1], lost}

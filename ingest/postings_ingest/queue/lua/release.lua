-- Give a batch back undone; this delivery doesn't count.
local id, token = ARGV[1], ARGV[2]
local held = holding(id, token)
if held == 'held' then
  local batch = redis.call('HMGET', batch_key(id), 'queue', 'documents')
  leave(id, batch[1], tonumber(batch[2]))
  wait(id, batch[1], tonumber(batch[2]))
  redis.call('HSET', batch_key(id), 'deliveries', ARGV[3])
  redis.call('HINCRBY', batch_key(id), 'token', 1)
end
return held

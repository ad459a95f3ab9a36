-- Return a batch to its queue undone; this delivery doesn't count.
local id, token = ARGV[1], ARGV[2]
local state = lease_state(id, token)
if state == 'valid' then
  local batch = redis.call('HMGET', batch_key(id), 'queue', 'documents')
  dequeue(id, batch[1], tonumber(batch[2]))
  enqueue(id, batch[1], tonumber(batch[2]))
  redis.call('HSET', batch_key(id), 'deliveries', ARGV[3])
  redis.call('HINCRBY', batch_key(id), 'token', 1)
end
return state

-- Give a batch back undone; this delivery doesn't count.
local id, token = ARGV[1], ARGV[2]
local batch = redis.call('HMGET', batch_key(id), 'token', 'queue', 'documents')
if batch[1] ~= token then
  return 0
end
leave(id, batch[2], tonumber(batch[3]))
wait(id, batch[2], tonumber(batch[3]))
redis.call('HSET', batch_key(id), 'deliveries', ARGV[3])
redis.call('HINCRBY', batch_key(id), 'token', 1)
return 1

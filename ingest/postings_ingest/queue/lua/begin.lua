-- The work on a batch begins: from now on, the death of its worker is held against it.
local id, token, deliveries = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', batch_key(id), 'token') ~= token then
  return 0
end
redis.call('HSET', batch_key(id), 'deliveries', deliveries)
return 1

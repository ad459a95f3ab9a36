-- The work on a batch begins: count this delivery, because from now on the batch is blamed if its worker dies.
local id, token, deliveries = ARGV[1], ARGV[2], ARGV[3]
local state = lease_state(id, token)
if state == 'valid' then
  redis.call('HSET', batch_key(id), 'deliveries', deliveries)
end
return state

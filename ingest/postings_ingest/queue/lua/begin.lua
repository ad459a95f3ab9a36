-- The work on a batch begins: from now on, the death of its worker is held against it.
local id, token, deliveries = ARGV[1], ARGV[2], ARGV[3]
local held = holding(id, token)
if held == 'held' then
  redis.call('HSET', batch_key(id), 'deliveries', deliveries)
end
return held

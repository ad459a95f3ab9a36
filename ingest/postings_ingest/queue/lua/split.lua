-- Replace a batch by parts of it, in one step.
local id, token = ARGV[1], ARGV[2]
local batch = redis.call('HMGET', batch_key(id), 'token', 'job', 'queue', 'documents', 'arrival')
if batch[1] ~= token then
  return 0
end
leave(id, batch[3], tonumber(batch[4]))
redis.call('DEL', batch_key(id))
for at = 3, #ARGV, 3 do
  create(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), batch[2], batch[3], batch[5])
end
return 1

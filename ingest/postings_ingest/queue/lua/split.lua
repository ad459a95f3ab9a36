-- Replace a batch by its parts, in one step, even if Redis lost it.
local id, token, job, queue, arrival, documents = unpack(ARGV, 1, 6)
local state = lease_state(id, token)
if state == 'taken' then
  return state
end
dequeue(id, queue, tonumber(documents))
restore_submitted(id, job, arrival, documents)
remove_batch(id)
for at = 7, #ARGV, 3 do
  add_batch(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), job, queue, arrival)
end
return state
